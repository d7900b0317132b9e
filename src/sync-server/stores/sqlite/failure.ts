/**
 * Classifies an error of SQLite: the DacapoError that callers receive, and whether the store may continue.
 *
 * Guarantees:
 * - An error that leaves the fate of a write in doubt, or shows that the file is unreliable, is `final` (S2,
 *   failure.test.ts). The store fails every later call, because a disk may answer wrongly after a failed write.
 */
import {
  BugError,
  DacapoError,
  DefinitionError,
  StorageFullError,
  StorageLostError,
} from "../../../core/values/errors.ts";
import { messageOf } from "../../../core/values/reason.ts";
import { RESTORE_FIX } from "../stored-record.ts";

export type SqlFailure = { readonly error: DacapoError; readonly final: boolean };

/**
 * Primary result codes, https://sqlite.org/rescode.html. An error of `node:sqlite` has the number, and an error of a
 * Durable Object has the name in its message.
 */
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

/** A store serves a server or a command, such as `dacapo move`. Either continues where it stopped. */
const AGAIN = "Then start the server again, or run the command again.";

/** The fix for each result code after which the storage is lost. */
const LOST: ReadonlyMap<string, string> = new Map([
  ["CORRUPT", RESTORE_FIX],
  ["NOTADB", "Pass another file. This one is not a SQLite database, or it is encrypted."],
  ["CANTOPEN", "Pass the path of a file in a folder that this process may write to."],
  ["READONLY", "Give this process the right to write to the file and its folder."],
  ["PERM", "Give this process the right to write to the file and its folder."],
  ["NOLFS", "Keep the file on a file system that supports large files."],
  ["PROTOCOL", "Keep the file on a local disk, because the locks of network file systems are not reliable."],
  ["NOMEM", `Give the process more memory. ${AGAIN}`],
  ["IOERR", `Check the disk. ${AGAIN} The last append may or may not be there, and repeating it is harmless.`],
]);

const CLASS_FIX = "Name the class in `new_sqlite_classes` of wrangler.jsonc. A deployed class needs another name.";

/** Converts an error of SQLite to a DacapoError. A DacapoError stays as it is. */
export function classifySqlError(error: unknown, place: string): SqlFailure {
  if (error instanceof DacapoError) return { error, final: false };
  const name = resultName(error);
  const reason = messageOf(error);
  const facts = { message: `SQLite failed in ${place}: ${reason}`, details: { place, result: name }, cause: error };
  if (name === "FULL") {
    return {
      error: new StorageFullError({ ...facts, fix: `Free some space on the disk. ${AGAIN}` }),
      final: true,
    };
  }
  if (name === "BUSY" || name === "LOCKED") {
    // The transaction did not begin, so nothing is in doubt. The same call may succeed later.
    const fix = "Another process has locked the file for a long time. Stop that process, or try again later.";
    return { error: new StorageLostError({ ...facts, fix }), final: false };
  }
  if (/SQL is not enabled for this Durable Object class/.test(reason))
    return { error: new DefinitionError({ ...facts, fix: CLASS_FIX }), final: false };
  const fix = LOST.get(name);
  if (fix !== undefined) return { error: new StorageLostError({ ...facts, fix }), final: true };
  return { error: new BugError(facts.message, facts.details), final: false };
}

function resultName(error: unknown): string {
  if (!(error instanceof Error)) return "";
  // The lowest byte of an extended code is its primary code.
  if ("errcode" in error && typeof error.errcode === "number") return NAMES.get(error.errcode & 0xff) ?? "";
  return /SQLITE_([A-Z]+)/.exec(error.message)?.[1] ?? "";
}
