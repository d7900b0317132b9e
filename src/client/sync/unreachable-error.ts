import { DacapoError } from "../../core/values/errors.ts";

/**
 * A failure of the network or the server that ends by itself. `details.retryAfterMs`: the wait that the
 * server requested.
 */
export class UnreachableError extends DacapoError {
  constructor(message: string, retryAfterMs: number | null, cause?: unknown) {
    super("unreachable", "later", {
      message,
      fix: "Nothing: work is kept here and tried again by itself.",
      details: retryAfterMs === null ? {} : { retryAfterMs },
      cause,
    });
  }
}
