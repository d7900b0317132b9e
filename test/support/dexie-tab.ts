/** Tabs of one browser in a test of Node: each has its own rows and connection, and all have the same database. */
import { Dexie, type Table } from "dexie";
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { dexieTable, type DexieTableOptions } from "../../src/client/dexie.ts";
import { liveValue } from "../../src/client/page/live-value.ts";
import { rowMirror } from "../../src/client/page/row-mirror.ts";
import type { RowEntry } from "../../src/core/fold/rows.ts";
import type { PlainError } from "../../src/core/values/plain-error.ts";
import type { RowOf } from "../../src/index.ts";
import { board } from "./board-domain.ts";

export type Item = { readonly key: string; readonly title: string; readonly pending: number };
type Row = RowOf<typeof board>;

const ends: (() => Promise<unknown>)[] = [];

/** Closes the tables and connections of a test. */
export async function endDexieTabs(): Promise<void> {
  for (const end of ends.splice(0).reverse()) await end();
}

/** A database, the rows of a log in it, and the log's rows as a worker would change them. */
export function dexieTab(indexedDB = new IDBFactory()) {
  const db = new Dexie("board", { indexedDB, IDBKeyRange });
  db.version(1).stores({ tasks: "key, title, pending", wrong: "id" });
  const rows = rowMirror<Row>();
  let seq = 0;
  const status = liveValue<{ error: PlainError | null }>({ error: null });
  const log = { rows: () => rows, status } as unknown as Parameters<typeof dexieTable>[0];
  const table: Table<Item, string> = db.table("tasks");
  const open = (options: Partial<DexieTableOptions<Row, Item>> = {}) => {
    const record = ({ row, pending }: { row: Row; pending: boolean }) => ({
      title: row.title,
      pending: pending ? 1 : 0,
    });
    const kept = dexieTable(log, board, { table, record, ...options });
    ends.push(() => kept.close());
    return kept;
  };
  const set = (...entries: RowEntry[]) => rows.apply({ projection: "board", set: entries, removed: [] }, ++seq);
  const remove = (...removed: string[]) => rows.apply({ projection: "board", set: [], removed }, ++seq);
  ends.push(async () => db.close());
  return { indexedDB, db, rows, status, log, table, open, set, remove };
}

/** The row of a task, as the worker sends it. */
export function rowOf(key: string, title: string, pending = false): RowEntry {
  return { key, row: { title, column: "todo", done: false, notes: 0 }, pending };
}

/** The record of a task in the table. */
export function itemOf(key: string, title: string, pending = 0): Item {
  return { key, title, pending };
}
