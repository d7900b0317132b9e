/**
 * The event store in a SQLite file, on Node's own `node:sqlite`.
 *
 * Place: the entry `dacapo/sqlite`.
 *
 * Guarantees:
 * - Several processes may open one file. Each append takes the write lock first and then checks the expected head
 *   (S1, sqlite.test.ts). The file must be on a local disk.
 *
 * @module dacapo/sqlite
 */
import { DefinitionError } from "../../core/values/errors.ts";
import type { EventStore } from "./event-store.ts";
import { nodeSql, openDatabase } from "./sqlite/node-sqlite.ts";
import { sqlEventStore } from "./sqlite/tables.ts";

/**
 * An event store in one SQLite file. Creates the file and its folders if they are missing. `":memory:"` stores nothing
 * on disk.
 *
 * If the disk fails, a call rejects with `storage-full` or `storage-lost`. After that every call rejects with the same
 * error, until the store is opened again.
 *
 * @example
 * import { bearer, serve } from "dacapo/node";
 * import { sqlite } from "dacapo/sqlite";
 * const store = sqlite("data/logs.db");
 * await serve({ domain, store, authorize: bearer({ tokens: { "adas-secret": "ada" } }) });
 *
 * @throws DefinitionError (`definition`) if the path is empty or a `file:` URL.
 * @throws StorageLostError (`storage-lost`) if the file cannot be used.
 * @throws StorageFullError (`storage-full`) if the disk has no room for the tables.
 * @throws DacapoError (`storage-newer`) if a newer Dacapo wrote the file.
 */
export function sqlite(file: string | { readonly path: string }): EventStore {
  const path = typeof file === "string" ? file : file.path;
  // SQLite would delete the file "" when it closes, and would parse options from a "file:" URL.
  if (path === "" || path.startsWith("file:")) {
    throw new DefinitionError({
      message: `sqlite() received ${JSON.stringify(path)}, which is not the path of a file`,
      fix: 'Pass a path such as "data/logs.db", or ":memory:".',
    });
  }
  return sqlEventStore(nodeSql(openDatabase(path)));
}
