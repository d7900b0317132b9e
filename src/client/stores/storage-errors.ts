/**
 * What a log store says when its storage fails, in one place, so that every store says it alike.
 *
 * Holds: `details.reason` tells the cases of `storage-lost` apart; the engine and the app compare it, not the message.
 */
import { StorageFullError, StorageLostError, ValidationError } from "../../core/values/errors.ts";

export type LostReason = keyof typeof LOST;

/** Why a storage is lost, and what to do about it. */
const LOST = {
  closed: ["The log's storage was closed by close()", "Open the log again."],
  deleted: [
    "The log's storage was deleted, here or by another tab",
    "Open the log again: it begins anew and syncs from the server.",
  ],
  replaced: [
    "The browser deleted this site's data while the log was open",
    "Open the log again: it begins anew and syncs from the server. Call navigator.storage.persist() so that the browser keeps it.",
  ],
  "newer-layout": [
    "Another tab runs newer code and has upgraded the log's storage",
    "Reload this tab. What is pending is kept.",
  ],
  blocked: [
    "Another tab holds the log's storage in an older form and does not let go",
    "Close the app's other tabs, then reload.",
  ],
  unreachable: [
    "The browser cannot reach the log's storage, also after opening it again",
    "Reload; if that does not help, restart the browser.",
  ],
  corrupt: [
    "A stored row cannot be read",
    "Reload. If it stays, the browser lost part of the site's data: export pending work, then reset the log.",
  ],
} as const;

export function storageLost(reason: LostReason, said: string | null = null, cause?: unknown): StorageLostError {
  const [message, fix] = LOST[reason];
  return new StorageLostError({
    message: said === null ? message : `${message}: ${said}`,
    fix,
    details: { reason },
    cause,
  });
}

/** A row that is not what was written there: named, so that a report tells which. */
export function corruptRow(store: string, key: string | number, problem: string): StorageLostError {
  const [message, fix] = LOST.corrupt;
  return new StorageLostError({
    message: `${message}: ${store}[${key}] ${problem}`,
    fix,
    details: { reason: "corrupt", store, key },
  });
}

export function storageFull(cause?: unknown): StorageFullError {
  return new StorageFullError({
    message: "The device has no room for this; nothing of it was stored",
    fix: "Free disk space, or remove data of other sites; then try again.",
    cause,
  });
}

export function rowTooLarge(store: string, length: number, lengthMax: number): ValidationError {
  return new ValidationError({
    message: `A row of ${length} characters is too large for ${store}; at most ${lengthMax}`,
    fix: "Record less at once.",
    details: { store, length, lengthMax },
  });
}
