/**
 * Classifies a failure of IndexedDB: no room, newer code, a missing store, no permission, or a dead connection. See "On
 * the device" in `docs/reliability.md`.
 *
 * Guarantees:
 * - A DacapoError, and an error that says that the request itself is wrong, is "other". The caller throws it unchanged.
 * - An unknown error counts as a dead connection, because a new connection may work.
 * - It reads the message of `UnknownError` and `InvalidStateError` only, because browsers use these names for different
 *   failures.
 */
import { DacapoError } from "../../../core/values/errors.ts";

export type IdbFailure =
  /** Not a failure of the storage. The caller throws it unchanged. */
  | { readonly kind: "other" }
  /** No room. Open the connection again, because Firefox refuses the next write of rows on this one. */
  | { readonly kind: "full" }
  | { readonly kind: "newer-layout" }
  /** An object store is missing, because other code made this database. */
  | { readonly kind: "corrupt" }
  /** The browser lets this page store nothing, as in a sandboxed frame. */
  | { readonly kind: "denied" }
  /** The connection died, perhaps during a transaction. A new connection may work. */
  | { readonly kind: "dead" };

const FULL = new Set(["QuotaExceededError", "NS_ERROR_DOM_INDEXEDDB_QUOTA_ERR", "NS_ERROR_FILE_NO_DEVICE_SPACE"]);
// Chromium: "The user denied permission to access the database". Firefox, in a private window: "A mutation operation
// was attempted on a database that did not allow mutations".
const DENIED_MESSAGE = /denied permission|not allow mutations/i;
const FULL_MESSAGE = /full disk|disk full|no space left|not enough space|quota/i;

export function classifyIdbError(error: unknown): IdbFailure {
  if (error instanceof DacapoError) return { kind: "other" };
  const { name, message } = named(error);
  if (FULL.has(name)) return { kind: "full" };
  switch (name) {
    case "VersionError":
      return { kind: "newer-layout" };
    case "SecurityError":
      return { kind: "denied" };
    case "NotFoundError":
      return { kind: "corrupt" };
    // The request itself is wrong, so a second attempt fails too.
    case "DataError":
    case "DataCloneError":
    case "ConstraintError":
    case "ReadOnlyError":
    case "SyntaxError":
    case "RangeError":
      return { kind: "other" };
    // Chromium: "Internal error opening backing store", "full disk"; WebKit: "Connection to Indexed Database server
    // lost". InvalidStateError: the connection is closing.
    case "UnknownError":
    case "InvalidStateError":
      if (DENIED_MESSAGE.test(message)) return { kind: "denied" };
      return name === "UnknownError" && FULL_MESSAGE.test(message) ? { kind: "full" } : { kind: "dead" };
    // AbortError: the tab was frozen or killed during a transaction. TransactionInactiveError: the tab was resumed.
    default:
      return { kind: "dead" };
  }
}

/** Returns an error's name and message. Some browsers report null as the error. */
export function named(error: unknown): { readonly name: string; readonly message: string } {
  if (typeof error !== "object" || error === null || !("name" in error) || !("message" in error))
    return { name: "", message: String(error) };
  return { name: String(error.name), message: String(error.message) };
}
