/**
 * Keeps the rows of a projection in a Dexie table, for queries over indexes and for `liveQuery`.
 *
 * Place: the entry `dacapo/dexie`, in the page. It uses only `log.rows`, and only Dexie's types.
 *
 * Guarantees (`dexie.test.ts`, `dexie.browser.test.ts`):
 * - The table has the rows that the page shows, pending ones included. Each change of rows is one transaction, so a
 *   reader sees the rows of one moment.
 * - One tab writes the table. It need not be the tab that syncs. If it closes or dies, another tab takes over.
 * - If the writing tab is frozen, or its log ended, a visible tab takes over after about three seconds
 *   (`dexie.stolen-lock.test.ts`).
 * - The first write of a tab compares the whole table with the rows. So a crash between the log and the table, a new
 *   version of the projection and another `record` heal when the log is opened.
 * - If the app deletes the database, the next change writes all rows. If another tab upgrades or deletes the database,
 *   this tab stops writing, because its code may be older (`dexie.hostile-app.test.ts`).
 * - The page can work during a write of many rows, because the records are made and compared in slices.
 *
 * @module dacapo/dexie
 */
import type { Table } from "dexie";
import { DefinitionError } from "../core/values/errors.ts";
import type { AnyProjection, RowOf } from "../core/domain/handle-types.ts";
import type { TypedRowEntry } from "./page/live-types.ts";
import type { LogHandle } from "./page/log-handle.ts";
import type { LogStatus } from "./messages/log-types.ts";
import { TableWriter } from "./tables/table-writer.ts";

/**
 * The table of a projection's rows, and the record that each row becomes in it.
 *
 * @example
 * const options: DexieTableOptions<RowOf<typeof board>, { key: string; title: string }> = {
 *   table: db.table("tasks"),
 *   record: ({ row }) => ({ title: row.title.toLowerCase() }),
 * };
 */
export type DexieTableOptions<Row, Item extends { readonly key: string }> = {
  /**
   * The table. Its primary key is `key`, such as in `stores({ tasks: "key, title" })`. Only Dacapo writes to it.
   *
   * Name its database after the log and the user, because it has the rows of one log of one person.
   */
  readonly table: Table<Item, string>;
  /**
   * Returns the record of a row, without its key: values that IndexedDB can index, such as texts, numbers and arrays
   * of them. It is pure.
   *
   * Null leaves the row out of the table.
   */
  readonly record: (entry: TypedRowEntry<Row>) => Omit<Item, "key"> | null;
  /**
   * Receives the error of a write or of `record` in the tab that writes. The write is tried again.
   *
   * @default the error is reported as uncaught
   */
  readonly onError?: (error: unknown) => void;
};

/**
 * A table that is kept up to date.
 *
 * @example
 * const tasks = dexieTable(log, board, { table: db.table("tasks"), record: ({ row }) => ({ title: row.title }) });
 * await tasks.ready;
 * await tasks.close();
 */
export type DexieTable = {
  /**
   * Resolves when the table has the rows as of the call of `dexieTable`, in each tab. If a write fails, it waits until
   * another try succeeds. A hidden tab waits until the writing tab wrote them. It never resolves if `close` is called
   * before that.
   */
  readonly ready: Promise<void>;
  /**
   * Resolves when the table has the rows that the log shows now, in each tab. It waits as `ready` does. After `close`,
   * it resolves too, because no write follows.
   */
  settled(): Promise<void>;
  /**
   * Stops writing. The table stays as it is. Close it before the log. If newer code takes over the log (`storage-lost`
   * with the reason `newer-layout`), the table is closed.
   */
  close(): Promise<void>;
};

/**
 * Keeps the rows of a projection in a Dexie table. Query the table with Dexie, and write with `log.execute`.
 *
 * @example
 * const db = new Dexie("board team-7 ada");
 * db.version(1).stores({ tasks: "key, title" });
 * const tasks = dexieTable(log, board, { table: db.table("tasks"), record: ({ row }) => ({ title: row.title }) });
 * const found = await db.table("tasks").where("title").startsWith("Milk").toArray();
 *
 * @throws {DefinitionError} `definition`: the primary key of the table is not `key`
 */
export function dexieTable<P extends AnyProjection, Item extends { readonly key: string }>(
  log: Pick<LogHandle<unknown>, "rows" | "status">,
  projection: P,
  options: DexieTableOptions<RowOf<P>, Item>,
): DexieTable {
  const { name, schema } = options.table;
  if (schema.primKey.keyPath !== "key")
    throw new DefinitionError({
      message: `The primary key of the table ${name} is ${JSON.stringify(schema.primKey.keyPath)}, not "key"`,
      fix: `Write stores({ ${name}: "key, …" }).`,
    });
  const table = new TableWriter(log.rows(projection), options);
  // Newer code has taken over the log, so the rows of this tab stay as they are.
  const check = ({ error }: LogStatus) => {
    if (error?.details["reason"] === "newer-layout") void table.close();
  };
  const unsubscribe = log.status.subscribe(check);
  table.closed.addEventListener("abort", unsubscribe);
  check(log.status.get());
  return table;
}
