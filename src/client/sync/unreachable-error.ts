import { DacapoError } from "../../core/values/errors.ts";

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
