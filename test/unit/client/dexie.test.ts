import type { Table } from "dexie";
import fc from "fast-check";
import { afterEach, describe, expect, test, vi } from "vitest";
import { dexieTable } from "../../../src/client/dexie.ts";
import type { RowOf } from "../../../src/index.ts";
import { board } from "../../support/board-domain.ts";
import { dexieTab as scene, endDexieTabs, type Item, itemOf as item, rowOf as task } from "../../support/dexie-tab.ts";

type Row = RowOf<typeof board>;

afterEach(async () => {
  vi.useRealTimers();
  await endDexieTabs();
});

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

  test("dexieTable: a record is written if an undefined field got another name", async () => {
    const { rows, table, open } = scene();
    rows.fill([task("t1", "Milk")], 0);
    await table.put({ ...item("t1", "Milk"), former: undefined } as Item);
    const record = () => ({ title: "Milk", pending: 0, note: "new" });
    await open({ record }).ready;
    expect(await table.get("t1")).toEqual({ ...item("t1", "Milk"), note: "new" });
  });

  test("dexieTable: close ends the timer after failed writes, so that a process can end", async () => {
    const { rows, open, set } = scene();
    rows.fill([task("t1", "Milk")], 0);
    let failures = 0;
    const record = () => {
      throw new Error("no record");
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const kept = open({ record, onError: () => failures++ });
    const fail = async (count: number) => {
      while (failures < count || vi.getTimerCount() === 0) await new Promise(setImmediate);
      expect([failures, vi.getTimerCount()]).toEqual([count, 1]);
    };
    await fail(1);
    set(task("t2", "Bread"));
    await fail(2);
    await kept.close();
    expect(vi.getTimerCount()).toBe(0);
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
    await expect.poll(() => errors).toEqual([new Error("no record")]);
    expect(await table.toArray()).toEqual([item("t1", "Milk")]);
    isBroken = false;
    set(task("t1", "Oat milk"));
    await kept.settled();
    expect(await table.toArray()).toEqual([item("t1", "Oat milk"), item("t2", "Good"), item("t3", "Bad")]);
  });

  test("dexieTable: settled waits for a try that succeeds, as `ready` does", async () => {
    const { rows, table, open, set } = scene();
    rows.fill([task("t1", "Milk")], 0);
    let failures = 0;
    const kept = open({
      onError: () => failures++,
      record: ({ row }) => {
        if (row.title === "Bad") throw new Error("no record");
        return { title: row.title, pending: 0 };
      },
    });
    await kept.ready;
    set(task("t2", "Bad"));
    let isSettled = false;
    const settled = kept.settled().then(() => (isSettled = true));
    set(task("t3", "Salt"));
    await expect.poll(() => failures).toBeGreaterThan(0);
    void kept.settled().then(() => (isSettled = true));
    await expect.poll(() => failures).toBeGreaterThan(1);
    expect(isSettled).toBe(false);
    set(task("t2", "Good"));
    await settled;
    expect(await table.toArray()).toEqual([item("t1", "Milk"), item("t2", "Good"), item("t3", "Salt")]);
  });

  test("dexieTable: settled resolves after close, because no write follows", async () => {
    const { rows, open, set } = scene();
    rows.fill([task("t1", "Milk")], 0);
    let failures = 0;
    const record = () => {
      throw new Error("no record");
    };
    const kept = open({ record, onError: () => failures++ });
    await expect.poll(() => failures).toBeGreaterThan(0);
    set(task("t2", "Bread"));
    const settled = kept.settled();
    await kept.close();
    await settled;
  });

  test("dexieTable: a first write of many rows heals what is before, between and after them", async () => {
    const { rows, table, open } = scene();
    const many = Array.from({ length: 1_200 }, (_, n) => task(`t${String(n).padStart(5, "0")}`, `Task ${n}`));
    rows.fill(many, 0);
    await table.bulkPut(["a", "t00007x", "t00700x", "z"].map((key) => item(key, "Gone")));
    await table.put(item("t00800", "Old"));
    await open().ready;
    expect(await table.toArray()).toEqual(many.map(({ key }) => item(key, `Task ${Number(key.slice(1))}`)));
  });

  test("dexieTable: a change of many rows is one transaction", async () => {
    const { rows, table, open, set, remove } = scene();
    const many = Array.from({ length: 1_500 }, (_, n) => task(`t${n}`, "First"));
    rows.fill(many, 0);
    const kept = open();
    await kept.ready;
    set(...many.map(({ key }) => task(key, "Second")));
    remove("t3");
    const settled = kept.settled();
    for (let done = false; !done;) {
      done = await Promise.race([settled.then(() => true), table.count().then(() => false)]);
      expect([0, 1_499, 1_500]).toContain(await table.where("title").equals("Second").count());
    }
    expect(await table.count()).toBe(1_499);
    expect(await table.where("title").equals("Second").count()).toBe(1_499);
  });

  test("dexieTable: in a second tab, ready waits for the first write of the first tab", async () => {
    const { rows, table, open } = scene();
    rows.fill(
      Array.from({ length: 1_500 }, (_, n) => task(`t${n}`, "Task")),
      0,
    );
    const first = open();
    const second = open();
    await second.ready;
    expect(await table.count()).toBe(1_500);
    await first.close();
    await second.close();
  });

  test("dexieTable: close ends a first write without a change, and the next table completes it", async () => {
    const { rows, table, open } = scene();
    rows.fill(
      Array.from({ length: 3_000 }, (_, n) => task(`t${n}`, "Task")),
      0,
    );
    let records = 0;
    let closing: Promise<void> | undefined;
    const first = open({
      record: () => {
        records++;
        closing ??= first.close();
        return { title: "Task", pending: 0 };
      },
    });
    await expect.poll(() => records).toBeGreaterThan(0);
    await closing;
    expect(records).toBeLessThan(3_000);
    expect(await table.count()).toBe(0);
    await open().ready;
    expect(await table.count()).toBe(3_000);
  });

  test("dexieTable: ready waits for a try that succeeds, also in a second tab", async () => {
    const { rows, table, open, set } = scene();
    rows.fill([task("t1", "Bad")], 0);
    let failures = 0;
    const record = ({ row }: { row: Row }) => {
      if (row.title === "Bad") throw new Error("no record");
      return { title: row.title, pending: 0 };
    };
    const states: string[] = [];
    const first = open({ record, onError: () => failures++ });
    const second = open({ record });
    for (const [name, { ready }] of Object.entries({ first, second })) void ready.then(() => states.push(name));
    await expect.poll(() => failures).toBeGreaterThan(0);
    expect(states).toEqual([]);
    set(task("t1", "Good"));
    await Promise.all([first.ready, second.ready]);
    expect(await table.toArray()).toEqual([item("t1", "Good")]);
  });

  test("dexieTable: a tab that is closed before its first write leaves the table to the next tab", async () => {
    const { rows, table, open } = scene();
    rows.fill([task("t1", "Milk")], 0);
    const errors: unknown[] = [];
    const record = () => {
      throw new Error("no record");
    };
    const first = open({ record, onError: (error) => errors.push(error) });
    const second = open();
    await expect.poll(() => errors.length).toBeGreaterThan(0);
    await first.close();
    await second.ready;
    expect(await table.toArray()).toEqual([item("t1", "Milk")]);
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
