/** What a failure of syncing means: whether it passes by itself, and what it takes along. */
import { type PlainError, toPlainError } from "../../core/values/errors.ts";

export type ClassifiedFailure = {
  /** A person or the app must do something first; until then nothing is tried. */
  readonly mustMend: boolean;
  /** The server says that this person may not read the log: what others wrote may not stay here. */
  readonly rightLost: boolean;
  /** Milliseconds for which the server asked; null: it did not. */
  readonly retryAfterMs: number | null;
  /** Told while it is tried again: a full disk is a person's to mend, but may be mended without a word to this app. */
  readonly warning: PlainError | null;
};

/** @param failures how many came one after another before this one */
export function classifyFailure(error: unknown, failures: number): ClassifiedFailure {
  const plain = toPlainError(error);
  const { code, retry, details } = plain;
  const isDiskFull = code === "storage-full";
  const { retryAfterMs } = details;
  return {
    // Tried again once with a fresh token before the app is told: tokens expire while a device sleeps.
    mustMend: retry !== "later" && !isDiskFull && (code !== "unauthorized" || failures > 0),
    rightLost: code === "forbidden" && details["code"] === "forbidden",
    retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : null,
    warning: isDiskFull ? plain : null,
  };
}
