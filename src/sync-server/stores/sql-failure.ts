/**
 * What an error of SQLite means for a store: which DacapoError it is told as, and whether the store may go on.
 *
 * Place: `sql-event-store` passes everything that its statements throw through here.
 * Holds: after a failure in which the fate of a write is in doubt, or the file is not to be trusted, the store stops for good
 * (`final`): what a disk said once, after a failed write, is not asked again.
 */
import { BugError, DacapoError, StorageFullError, StorageLostError } from "../../core/values/errors.ts";

export type SqlFailure = { readonly error: DacapoError; readonly final: boolean };

/** Primary result codes, https://sqlite.org/rescode.html. `node:sqlite` gives the number, a Durable Object the name in its message. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [3, "PERM"],
  [5, "BUSY"],
  [6, "LOCKED"],
  [7, "NOMEM"],
  [8, "READONLY"],
  [10, "IOERR"],
  [11, "CORRUPT"],
  [13, "FULL"],
  [14, "CANTOPEN"],
  [15, "PROTOCOL"],
  [22, "NOLFS"],
  [26, "NOTADB"],
]);

const LOST: ReadonlyMap<string, string> = new Map([
  [
    "CORRUPT",
    "Stop the server, keep the damaged file, and restore a backup: devices send again what the backup lacks.",
  ],
  ["NOTADB", "Name another file: this one is no SQLite database, or is encrypted."],
  ["CANTOPEN", "See that the path is a file in a folder that this process may write to."],
  ["READONLY", "Let this process write to the file and its folder."],
  ["PERM", "Let this process write to the file and its folder."],
  ["NOLFS", "Keep the file on a file system that takes large files."],
  ["PROTOCOL", "Keep the file on a local disk: locks of network file systems cannot be trusted."],
  ["NOMEM", "Give the process more memory, and start the server again."],
  [
    "IOERR",
    "See to the disk, then start the server again. The last append may or may not be there; pushing again is harmless.",
  ],
]);

/** Tells an error of SQLite as ours; a DacapoError stays what it is. */
export function classifySqlError(error: unknown, place: string): SqlFailure {
  if (error instanceof DacapoError) return { error, final: false };
  const name = resultName(error);
  const said = error instanceof Error ? error.message : String(error);
  const facts = { message: `SQLite failed in ${place}: ${said}`, details: { place, result: name }, cause: error };
  if (name === "FULL") {
    return {
      error: new StorageFullError({ ...facts, fix: "Make room on the disk, then start the server again." }),
      final: true,
    };
  }
  if (name === "BUSY" || name === "LOCKED") {
    // Nothing was begun, so nothing is in doubt: the same call may succeed later.
    const fix = "Another process holds the file's lock for long: end it, or try again later.";
    return { error: new StorageLostError({ ...facts, fix }), final: false };
  }
  const fix = LOST.get(name);
  if (fix !== undefined) return { error: new StorageLostError({ ...facts, fix }), final: true };
  return { error: new BugError(facts.message, facts.details), final: false };
}

function resultName(error: unknown): string {
  if (!(error instanceof Error)) return "";
  // Extended codes carry the primary one in their lowest byte.
  if ("errcode" in error && typeof error.errcode === "number") return NAMES.get(error.errcode & 0xff) ?? "";
  return /SQLITE_([A-Z]+)/.exec(error.message)?.[1] ?? "";
}
