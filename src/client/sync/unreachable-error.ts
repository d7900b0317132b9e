/** The failures of the network or the server that end by themselves. */
import { DacapoError } from "../../core/values/errors.ts";
import { type PlainError, toPlainError } from "../../core/values/plain-error.ts";

/**
 * A failure of the network or the server that ends by itself. `details.retryAfterMs`: the wait that the
 * server requested. `details.status`, `details.code` and `details.text`: the answer, if there was one.
 */
export class UnreachableError extends DacapoError {
  constructor(message: string, retryAfterMs: number | null, cause?: unknown, answer: DacapoError["details"] = {}) {
    super("unreachable", "later", {
      message,
      fix: "Nothing: work is kept here and tried again by itself.",
      details: { ...answer, ...(retryAfterMs !== null && { retryAfterMs }) },
      cause,
    });
  }
}

/** An answer that changes nothing counts as a failure. Otherwise the loop would call again at once, without end. */
export function unchangedError(what: string): UnreachableError {
  return new UnreachableError(`The sync server's answer to ${what} changed nothing`, null);
}

/** Null: only a newer domain than the server's can decide the commit, which is no failure. */
export function undecidedError(code: string): PlainError | null {
  if (code === "later") return null;
  const answer = { status: 200, code };
  return toPlainError(new UnreachableError("The sync server could not decide the commit", null, undefined, answer));
}
