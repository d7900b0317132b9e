/**
 * The errors that every log store reports when its storage fails.
 *
 * Guarantees:
 * - `details.reason` names the case of `storage-lost`. The engine and the app compare it, never the message.
 */
import { StorageFullError, StorageLostError, ValidationError } from "../../core/values/errors.ts";

export type LostReason = keyof typeof LOST;

/** For each reason, the message and the fix. */
const LOST = {
  closed: ["The log's storage is closed, because close() was called", "Open the log again."],
  deleted: [
    "The log's storage is deleted, by this tab or by another tab",
    "Open the log again. It starts empty and syncs from the server.",
  ],
  replaced: [
    "The browser or another tab deleted the log's data while the log was open",
    "Open the log again. It starts empty and syncs from the server. " +
      "Over https, see the option `persist` of openLog, so that the browser keeps the data.",
  ],
  "newer-layout": [
    "The log's storage has a newer layout, because another tab runs newer code and upgraded it",
    "Reload this tab. Pending work is kept.",
  ],
  blocked: [
    "The log's storage is blocked, because another tab keeps it open with an older layout",
    "Close the app's other tabs, then reload.",
  ],
  unreachable: [
    "The log's storage is unreachable, also after the browser opened it again",
    "If the disk is full, free some space. Otherwise reload. If that does not help, restart the browser.",
  ],
  denied: [
    "The browser does not let this page store data",
    "Allow the site to store data, or leave the private window or the sandboxed frame. Then open the log again.",
  ],
  corrupt: [
    "A stored row cannot be read",
    "Reload. If the error stays, the browser lost part of the site's data. Export pending work with log.export(), " +
      "then call deleteLog(log, { user, losePending: true }).",
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

/** The error for a row that does not contain what was written. It names the row, so that a bug report can show it. */
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
    message: "The device's storage is full, and nothing of this write was stored",
    fix: "Free disk space, or remove data of other sites. Then try again.",
    cause,
  });
}

export function rowTooLarge(store: string, length: number, lengthMax: number): ValidationError {
  return new ValidationError({
    message: `A row of ${length} characters is too large for ${store}, which allows ${lengthMax}`,
    fix: "Execute fewer or smaller commands at once.",
    details: { store, length, lengthMax },
  });
}
