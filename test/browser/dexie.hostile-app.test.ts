// A Dexie table beside an app that makes mistakes, upgrades its database, or deletes it: real IndexedDB, several tabs.
import { Dexie, type Table } from "dexie";
import { afterEach, expect, test } from "vitest";
import { dexieTable, type DexieTableOptions } from "../../src/client/dexie.ts";
import { openLog } from "../../src/client/open-log.ts";
import type { RowOf } from "../../src/index.ts";
import { board, task } from "../support/board-domain.ts";

type Item = { readonly key: string; readonly title: string; readonly length?: number };
type Options = Partial<DexieTableOptions<RowOf<typeof board>, Item>> & {
  readonly schema?: string;
  readonly version?: number;
};

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const worker = () => new Worker(new URL("../support/browser/board.worker.ts", import.meta.url), { type: "module" });
const fresh = () => `log-${crypto.randomUUID()}`;
const add = (id: string, title: string) => task.command.add(id, { title, column: "todo" });

/** A tab with the log and its table. */
async function tab(name: string, { schema = "key, title", version = 1, ...options }: Options = {}) {
  const log = await openLog(name, { worker, user: "ada" });
  const db = new Dexie(name);
  db.version(version).stores({ tasks: schema });
  const table: Table<Item, string> = db.table("tasks");
  const kept = dexieTable(log, board, { table, record: ({ row }) => ({ title: row.title }), ...options });
  ends.push(async () => {
    await kept.close();
    db.close();
    await log.close();
  });
  return { log, db, table, kept };
}

const titles = (table: Table<Item, string>) => table.toArray().then((items) => items.map(({ title }) => title));

test("dexieTable: an onError that throws stops neither later writes nor close", async () => {
  const name = fresh();
  let isBroken = false;
  const uncaught: string[] = [];
  const listen = (event: ErrorEvent) => {
    uncaught.push(event.message);
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  globalThis.addEventListener("error", listen, { capture: true });
  ends.push(async () => globalThis.removeEventListener("error", listen, { capture: true }));
  const first = await tab(name, {
    record: ({ row }) => {
      if (isBroken) throw new Error("no record");
      return { title: row.title };
    },
    onError: () => {
      throw new Error("no report");
    },
  });
  await first.kept.ready;
  isBroken = true;
  await first.log.execute(add("t1", "Milk"));
  await expect.poll(() => uncaught.join()).toContain("no report");
  isBroken = false;
  await first.log.execute(add("t2", "Bread"));
  await first.kept.settled();
  expect(await titles(first.table)).toEqual(["Milk", "Bread"]);
  await first.kept.close();
  const second = await tab(name);
  await first.log.execute(add("t3", "Salt"));
  await expect.poll(() => titles(second.table)).toEqual(["Milk", "Bread", "Salt"]);
});

test("dexieTable: it reports a record that IndexedDB cannot store, and stores the next one", async () => {
  const errors: unknown[] = [];
  const { log, table, kept } = await tab(fresh(), {
    // A function has no copy. The types of an app may allow it.
    record: ({ row }) => ({ title: row.title, ...(row.title === "Bad" && { format: () => row.title }) }),
    onError: (error) => errors.push(error),
  });
  await kept.ready;
  await log.execute([add("t1", "Milk"), add("t2", "Bad")]);
  await expect.poll(() => String(errors[0])).toMatch(/DataCloneError|could not be cloned/);
  expect(await titles(table)).toEqual([]);
  await log.execute(task.command.rename("t2", { title: "Good" }));
  await kept.settled();
  expect(await titles(table)).toEqual(["Milk", "Good"]);
});

test("dexieTable: a record whose indexed value has no key is in the table, and not in the index", async () => {
  const { log, table, kept } = await tab(fresh(), {
    schema: "key, length",
    record: ({ row }) => ({ title: row.title, ...(row.title !== "Milk" && { length: row.title.length }) }),
  });
  await kept.ready;
  await log.execute([add("t1", "Milk"), add("t2", "Bread")]);
  await kept.settled();
  expect(await titles(table)).toEqual(["Milk", "Bread"]);
  expect(await table.orderBy("length").primaryKeys()).toEqual(["task/t2"]);
});

test("dexieTable: a table that the app deleted has all rows again with the next change", async () => {
  const { log, db, table, kept } = await tab(fresh());
  await log.settled(await log.execute([add("t1", "Milk"), add("t2", "Bread")]));
  await kept.settled();
  await db.delete();
  await db.open();
  expect(await titles(table)).toEqual([]);
  await log.execute(add("t3", "Salt"));
  await expect.poll(() => titles(table)).toEqual(["Milk", "Bread", "Salt"]);
});

test("dexieTable: a table that the app deletes during a comparison has all rows", async () => {
  let isDeleted = false;
  const { log, table, kept } = await tab(fresh(), {
    record: ({ row }) => {
      if (row.title !== "Salt" || isDeleted) return { title: row.title };
      isDeleted = true;
      // The next write opens the database again, after the deletion.
      table.db.close({ disableAutoOpen: false });
      indexedDB.deleteDatabase(table.db.name);
      return { title: row.title };
    },
  });
  await log.settled(await log.execute([add("t1", "Milk"), add("t2", "Bread")]));
  await kept.settled();
  await log.execute(add("t3", "Salt"));
  await expect.poll(() => titles(table)).toEqual(["Milk", "Bread", "Salt"]);
});

test("dexieTable: if a newer release upgrades the database, the old tab leaves the table", async () => {
  const name = fresh();
  const old = await tab(name);
  await old.log.execute([add("t1", "Milk"), add("t2", "Bread")]);
  await old.kept.settled();
  const next = await tab(name, {
    version: 2,
    schema: "key, title, length",
    record: ({ row }) => ({ title: row.title, length: row.title.length }),
  });
  const lengths = () => next.table.orderBy("length").primaryKeys();
  await expect.poll(lengths).toEqual(["task/t1", "task/t2"]);
  await old.log.execute(add("t3", "Salt"));
  await expect.poll(lengths).toEqual(["task/t1", "task/t3", "task/t2"]);
  await old.log.execute(task.command.rename("t1", { title: "Oat milk" }));
  await expect.poll(lengths).toEqual(["task/t3", "task/t2", "task/t1"]);
});

test("dexieTable: a database that another tab deletes stays deleted", async () => {
  const name = fresh();
  const { log, kept } = await tab(name);
  await log.execute(add("t1", "Milk"));
  await kept.settled();
  await Dexie.delete(name);
  await log.execute(add("t2", "Bread"));
  await kept.settled();
  expect(await Dexie.exists(name)).toBe(false);
});
