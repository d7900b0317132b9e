/**
 * The event store in a SQLite file, on Node's own `node:sqlite`: the embedded default.
 *
 * Place: `node-sqlite` opens the database so that its commits are durable; `sql-event-store` does the rest.
 * Holds: several processes may have one file open: each append takes the write lock first and then checks the head that it
 * expects. The file belongs on a local disk.
 */
import { DefinitionError } from "../../core/values/errors.ts";
import type { EventStore } from "./event-store.ts";
import { nodeSql, openDatabase } from "./node-sqlite.ts";
import { sqlEventStore } from "./sql-event-store.ts";

/**
 * Logs in one file. Makes the file and its folders where they are missing; `":memory:"` keeps nothing.
 *
 * Throws a StorageLostError where the file cannot be used. A call of the store fails with a StorageFullError or a
 * StorageLostError where the disk does; from then on every call fails with it, until the store is opened again.
 *
 * @example
 * serve({ domain, store: sqlite("data/logs.db"), authorize });
 */
export function sqlite(file: string | { readonly path: string }): EventStore {
  const path = typeof file === "string" ? file : file.path;
  // SQLite takes "" for a file that it deletes when it closes, and "file:" for a URL with options of its own.
  if (path === "" || path.startsWith("file:")) {
    throw new DefinitionError({
      message: `${JSON.stringify(path)} is no path of a file`,
      fix: 'Name a file such as "data/logs.db", or ":memory:".',
    });
  }
  return sqlEventStore(nodeSql(openDatabase(path)));
}
