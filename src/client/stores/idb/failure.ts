/**
 * What a failure of IndexedDB means: no room, newer code, or a connection that died.
 *
 * Place: the connection asks, and reopens or gives up. Source: the catalogue D1 to D22 of the design's `reliability.md`.
 * Holds: an error that is not IndexedDB's own passes as it is. Names are compared, not messages, where browsers agree on a name.
 */
import { DacapoError } from "../../../core/values/errors.ts";

export type IdbFailure =
  /** Not of the storage: to be thrown as it is. */
  | { readonly kind: "other" }
  /** No room. Firefox writes nothing more on this connection either, until it is opened again. */
  | { readonly kind: "full" }
  | { readonly kind: "newer-layout" }
  /** A store is missing: someone else made this database. */
  | { readonly kind: "corrupt" }
  /** The connection is dead, or died under a transaction. The next one may live. */
  | { readonly kind: "dead" };

const FULL = new Set(["QuotaExceededError", "NS_ERROR_DOM_INDEXEDDB_QUOTA_ERR", "NS_ERROR_FILE_NO_DEVICE_SPACE"]);
const FULL_MESSAGE = /full disk|disk full|no space left|not enough space|quota/i;

export function classifyIdbError(error: unknown): IdbFailure {
  if (error instanceof DacapoError) return { kind: "other" };
  const { name, message } = named(error);
  if (FULL.has(name)) return { kind: "full" };
  switch (name) {
    case "VersionError":
      return { kind: "newer-layout" };
    case "NotFoundError":
      return { kind: "corrupt" };
    // What we asked for is wrong; asking again changes nothing.
    case "DataError":
    case "DataCloneError":
    case "ConstraintError":
    case "ReadOnlyError":
    case "SyntaxError":
    case "RangeError":
      return { kind: "other" };
    // Chromium: "Internal error opening backing store", "full disk"; WebKit: "Connection to Indexed Database server lost".
    case "UnknownError":
      return FULL_MESSAGE.test(message) ? { kind: "full" } : { kind: "dead" };
    // Closing (InvalidStateError), frozen or killed in the middle (AbortError), woken (TransactionInactiveError), and whatever else.
    default:
      return { kind: "dead" };
  }
}

/** An error's name and message; some browsers give null for an error. */
export function named(error: unknown): { readonly name: string; readonly message: string } {
  if (typeof error !== "object" || error === null || !("name" in error) || !("message" in error))
    return { name: "", message: String(error) };
  return { name: String(error.name), message: String(error.message) };
}
