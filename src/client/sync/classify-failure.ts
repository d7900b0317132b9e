/** Classifies a failure of syncing: whether it ends by itself, and what the loop must do because of it. */
import { type PlainError, toPlainError } from "../../core/values/plain-error.ts";

export type ClassifiedFailure = {
  /** A person or the app must act first. Until then the loop tries nothing. */
  readonly needsFix: boolean;
  /**
   * The server says that this person may not read the log, so the events of other authors may not stay on the device.
   */
  readonly isReadRevoked: boolean;
  /** Milliseconds that the server wants the device to wait. Null: no wish. */
  readonly retryAfterMs: number | null;
  /**
   * Shown while the loop tries again. A person must free a full disk or sign in to a gateway, but nothing reports to
   * this app when that is done. And an app must hear which of its functions fails.
   */
  readonly warning: PlainError | null;
  /** The failure of a push that one of its commits may have caused. */
  readonly isSuspicious: boolean;
};

/** The server's own codes for failures that have nothing to do with the commits of a push. */
const NOT_OF_A_COMMIT: ReadonlySet<unknown> = new Set(["rate-limited", "overloaded", "restarting", "storage-full"]);

/** @param failures how many failures came in a row before this one */
export function classifyFailure(error: unknown, failures: number): ClassifiedFailure {
  const plain = toPlainError(error);
  const { code, retry, details } = plain;
  const isDiskFull = code === "storage-full";
  // One such answer may come from a deploy. The loop shows two in a row, and tries again by itself.
  const isSignInPage = details["code"] === "sign-in-page";
  // One failure may come from a network that came back meanwhile.
  const isOfApp = code === "unexpected";
  const { retryAfterMs } = details;
  return {
    // Tokens expire while a device sleeps. So the loop tries once more with a new token before the app is stopped.
    needsFix: retry !== "later" && !isDiskFull && !isSignInPage && (code !== "unauthorized" || failures > 0),
    isReadRevoked: code === "forbidden" && details["code"] === "forbidden",
    retryAfterMs: typeof retryAfterMs === "number" ? retryAfterMs : null,
    warning: isDiskFull || ((isSignInPage || isOfApp) && failures > 0) ? plain : null,
    // Some firewalls answer a push that they block with a web page, or lead it to one.
    isSuspicious: (code === "unreachable" && !NOT_OF_A_COMMIT.has(details["code"])) || isSignInPage,
  };
}
