import { Dexie, type Table } from "dexie";
import fc from "fast-check";
import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { afterEach, describe, expect, test } from "vitest";
import type { RowEntry } from "../../../src/core/fold/rows.ts";
import { dexieTable, type DexieTableOptions } from "../../../src/client/dexie.ts";
import { rowMirror } from "../../../src/client/page/row-mirror.ts";
import { board } from "../../support/board-domain.ts";
import type { RowOf } from "../../../src/index.ts";

type Item = { readonly key: string; readonly title: string; readonly pending: number };
type Row = RowOf<typeof board>;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A database, the rows of a log in it, and the log's rows as a worker would change them. */
function scene(indexedDB = new IDBFactory()) {
  const db = new Dexie("board", { indexedDB, IDBKeyRange });
  db.version(1).stores({ tasks: "key, title, pending", wrong: "id" });
  const rows = rowMirror<Row>();
  let seq = 0;
  const log = { rows: () => rows } as unknown as Parameters<typeof dexieTable>[0];
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
  return { indexedDB, db, rows, log, table, open, set, remove };
}
const task = (key: string, title: string, pending = false): RowEntry => ({
  key,
  row: { title, column: "todo", done: false, notes: 0 },
  pending,
});
const item = (key: string, title: string, pending = 0): Item => ({ key, title, pending });

describe("dexieTable", () => {
  test("dexieTable: the table has the rows, and each later change", async () => {
    const { rows, table, open, set, remove } = scene();
    rows.fill([task("t1", "Milk"), task("t2", "Bread")], 0);
    const kept = open();
    await kept.ready;
    expect(await table.toArray()).toEqual([item("t1", "Milk"), item("t2", "Bread")]);
    set(task("t2", "Rye", true), task("t3", "Salt"));
    remove("t1");
    await kept.settled();
    expect(await table.orderBy("title").toArray()).toEqual([item("t2", "Rye", 1), item("t3", "Salt")]);
  });

  test("dexieTable: a table of an earlier visit heals, whatever is wrong with it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.record({ key: fc.constantFrom("a", "b", "c"), title: fc.string() }), {
          selector: (one) => one.key,
        }),
        fc.uniqueArray(fc.record({ key: fc.constantFrom("b", "c", "d"), title: fc.string() }), {
          selector: (one) => one.key,
        }),
        async (stored, shown) => {
          const { db, rows, table, open } = scene();
          await table.bulkPut(stored.map(({ key, title }) => item(key, title)));
          rows.fill(
            shown.map(({ key, title }) => task(key, title)),
            0,
          );
          const kept = open();
          await kept.ready;
          expect(await table.orderBy("key").toArray()).toEqual(
            shown.map(({ key, title }) => item(key, title)).toSorted((left, right) => (left.key < right.key ? -1 : 1)),
          );
          await kept.close();
          db.close();
        },
      ),
      { numRuns: 25 },
    );
  });

  test("dexieTable: a row whose record is null is not in the table, and returns with its record", async () => {
    const { rows, table, open, set } = scene();
    rows.fill([task("t1", "Milk"), task("t2", "secret")], 0);
    const kept = open({ record: ({ row }) => (row.title === "secret" ? null : { title: row.title, pending: 0 }) });
    await kept.ready;
    expect(await table.toCollection().primaryKeys()).toEqual(["t1"]);
    set(task("t1", "secret"), task("t2", "open"));
    await kept.settled();
    expect(await table.toCollection().primaryKeys()).toEqual(["t2"]);
  });

  test("dexieTable: a write that fails is reported, leaves the table as it was, and is tried again", async () => {
    const { rows, table, open, set } = scene();
    rows.fill([task("t1", "Milk")], 0);
    const errors: unknown[] = [];
    let isBroken = false;
    const kept = open({
      onError: (error) => errors.push(error),
      record: ({ row }) => {
        if (isBroken && row.title === "Bad") throw new Error("no record");
        return { title: row.title, pending: 0 };
      },
    });
    await kept.ready;
    isBroken = true;
    set(task("t2", "Good"), task("t3", "Bad"));
    await kept.settled();
    expect(await table.toArray()).toEqual([item("t1", "Milk")]);
    expect(errors).toEqual([new Error("no record")]);
    isBroken = false;
    set(task("t1", "Oat milk"));
    await kept.settled();
    expect(await table.toArray()).toEqual([item("t1", "Oat milk"), item("t2", "Good"), item("t3", "Bad")]);
  });

  test("dexieTable: after close, the table stays as it is", async () => {
    const { rows, table, open, set } = scene();
    rows.fill([task("t1", "Milk")], 0);
    const kept = open();
    await kept.ready;
    await kept.close();
    set(task("t1", "Oat milk"));
    await kept.settled();
    expect(await table.toArray()).toEqual([item("t1", "Milk")]);
  });

  test("dexieTable: a table with another primary key is refused, with the line to write", () => {
    const { db, log } = scene();
    const table: Table<Item, string> = db.table("wrong");
    expect(() => dexieTable(log, board, { table, record: () => null })).toThrow('is "id", not "key"');
  });
});
