// Several tabs with a Dexie table each, where the tab that writes is frozen, or its log ended.
import { IDBFactory } from "fake-indexeddb";
import { afterEach, describe, expect, test, vi } from "vitest";
import { dexieTab as tab, endDexieTabs, itemOf as item, rowOf as task } from "../../support/dexie-tab.ts";
import type { board } from "../../support/board-domain.ts";
import { StorageLostError } from "../../../src/core/values/errors.ts";
import { toPlainError } from "../../../src/core/values/plain-error.ts";
import type { RowOf } from "../../../src/index.ts";

afterEach(async () => {
  vi.useRealTimers();
  await endDexieTabs();
});

describe("dexieTable: several tabs", () => {
  test("dexieTable: if the rows of the writing tab stop, ready waits until another tab writes", async () => {
    const indexedDB = new IDBFactory();
    const [frozen, shown] = [tab(indexedDB), tab(indexedDB)];
    frozen.rows.fill([task("t1", "Milk")], 0);
    const first = frozen.open();
    await first.ready;
    shown.rows.fill([task("t1", "Oat milk"), task("t2", "Bread")], 0);
    const second = shown.open();
    await second.ready;
    expect(await shown.table.toArray()).toEqual([item("t1", "Oat milk"), item("t2", "Bread")]);
    shown.set(task("t3", "Salt"));
    await second.settled();
    expect(await shown.table.count()).toBe(3);
  });

  test("dexieTable: a tab whose log newer code took over writes no old row over newer ones", async () => {
    const indexedDB = new IDBFactory();
    const [newer, older] = [tab(indexedDB), tab(indexedDB)];
    older.rows.fill([task("t1", "Milk")], 0);
    const second = older.open();
    await second.ready;
    newer.rows.fill([task("t1", "Oat milk")], 0);
    const first = newer.open();
    const newerLayout = new StorageLostError({ message: "", fix: "", details: { reason: "newer-layout" } });
    older.status.set({ error: toPlainError(newerLayout) });
    await first.ready;
    await second.settled();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(await newer.table.toArray()).toEqual([item("t1", "Oat milk")]);
  });

  test("dexieTable: a table of a mapped class is checked by its fields", async () => {
    class Task {
      readonly key: string = "";
    }
    const indexedDB = new IDBFactory();
    const [one, two] = [tab(indexedDB), tab(indexedDB)];
    for (const { table, rows } of [one, two]) {
      table.mapToClass(Task);
      rows.fill([task("t1", "Milk")], 0);
    }
    const first = one.open();
    await first.ready;
    const second = two.open();
    await second.ready;
    two.set(task("t1", "Oat milk"));
    const settled = second.settled();
    one.set(task("t1", "Oat milk"));
    await settled;
    expect(await two.table.toArray()).toMatchObject([item("t1", "Oat milk")]);
  });

  test("dexieTable: settled waits in each tab for the tab that writes", async () => {
    const indexedDB = new IDBFactory();
    const [writing, reading] = [tab(indexedDB), tab(indexedDB)];
    for (const { rows } of [writing, reading]) rows.fill([task("t1", "Milk")], 0);
    await writing.open().ready;
    const kept = reading.open();
    await kept.ready;
    reading.set(task("t2", "Bread"));
    const settled = kept.settled();
    await expect.poll(() => reading.table.count()).toBe(1);
    writing.set(task("t2", "Bread"));
    await settled;
    expect(await reading.table.toArray()).toEqual([item("t1", "Milk"), item("t2", "Bread")]);
  });

  test("dexieTable: a tab that wakes during its write leaves no old row", async () => {
    const indexedDB = new IDBFactory();
    const [frozen, shown] = [tab(indexedDB), tab(indexedDB)];
    for (const { rows } of [frozen, shown]) rows.fill([task("t1", "Milk"), task("t2", "Bread")], 0);
    const first = frozen.open();
    await first.ready;
    // The tab freezes after its comparison, and before the transaction that writes.
    const thawed = Promise.withResolvers<void>();
    const original = frozen.db.transaction.bind(frozen.db) as (...given: unknown[]) => Promise<unknown>;
    let isFrozen = false;
    const held = async (...given: unknown[]) => {
      if (given[0] === "rw") {
        isFrozen = true;
        await thawed.promise;
      }
      return original(...given);
    };
    Object.assign(frozen.db, { transaction: held });
    frozen.set(task("t1", "Oat milk"));
    await expect.poll(() => isFrozen).toBe(true);

    const second = shown.open();
    await second.ready;
    // The second tab shows the task as it was before, because the server rejected the change.
    shown.set(task("t2", "Rye"));
    const settled = second.settled();
    const waiting = async () => (await navigator.locks.query()).pending?.map(({ name }) => name);
    await expect.poll(waiting).toContain("dacapo table board tasks write");
    expect(await shown.table.toArray()).toEqual([item("t1", "Milk"), item("t2", "Bread")]);
    thawed.resolve();
    await settled;
    await first.close();
    await second.settled();
    expect(await shown.table.toArray()).toEqual([item("t1", "Milk"), item("t2", "Rye")]);
  });

  test("dexieTable: a robbed tab checks the table, and writes again when the other tab closes", async () => {
    const indexedDB = new IDBFactory();
    const [frozen, shown] = [tab(indexedDB), tab(indexedDB)];
    frozen.rows.fill([task("t1", "Milk")], 0);
    const first = frozen.open();
    await first.ready;
    shown.rows.fill([task("t1", "Oat milk")], 0);
    const second = shown.open();
    await second.ready;
    // The tab wakes with newer rows than it had.
    frozen.set(task("t1", "Oat milk"));
    await first.settled();
    shown.set(task("t1", "Rice milk"));
    await second.settled();
    await second.close();
    frozen.set(task("t1", "Soy milk"));
    await first.settled();
    expect(await frozen.table.toArray()).toEqual([item("t1", "Soy milk")]);
  });

  test("dexieTable: a record with values that have no comparison needs no theft of the lock", async () => {
    const indexedDB = new IDBFactory();
    const tabs = [tab(indexedDB), tab(indexedDB)];
    class Title {
      readonly text = "Milk";
    }
    const record = () => ({
      title: "Milk",
      pending: 0,
      set: new Set([1]),
      bytes: new Uint8Array([1]),
      own: new Title(),
    });
    let writes = 0;
    for (const { rows, db, open } of tabs) {
      rows.fill([task("t1", "Milk")], 0);
      db.table("tasks").hook("updating", () => void writes++);
      await open({ record }).ready;
    }
    expect(writes).toBe(0);
  });

  test("dexieTable: a tab that cannot read the table leaves the lock to the tab that can", async () => {
    const indexedDB = new IDBFactory();
    const [writing, broken] = [tab(indexedDB), tab(indexedDB)];
    for (const { rows } of [writing, broken]) rows.fill([task("t1", "Milk")], 0);
    const kept = writing.open();
    await kept.ready;
    let failures = 0;
    const errors: unknown[] = [];
    const record = () => {
      failures++;
      throw new Error("no record");
    };
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const second = broken.open({ record, onError: (error) => errors.push(error) });
    while (failures < 20) {
      vi.advanceTimersByTime(60_000);
      await new Promise(setImmediate);
    }
    vi.useRealTimers();
    await second.close();
    writing.set(task("t1", "Oat milk"));
    await kept.settled();
    expect(errors).toEqual([]);
    expect(await writing.table.toArray()).toEqual([item("t1", "Oat milk")]);
  });

  test("dexieTable: two tabs with different records take turns ever more rarely", async () => {
    const indexedDB = new IDBFactory();
    const tabs = [tab(indexedDB), tab(indexedDB)];
    const winners: string[] = [];
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    for (const [index, { rows, db, open }] of tabs.entries()) {
      rows.fill([task("t1", "Milk")], 0);
      const write = () => void winners.push(`${index}`);
      db.table("tasks").hook("creating", write);
      db.table("tasks").hook("updating", write);
      open({ record: ({ row }: { row: RowOf<typeof board> }) => ({ title: `${row.title} ${index}`, pending: 0 }) });
    }
    for (let quarter = 0; quarter < 4 * 300; quarter++) {
      for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
      if (quarter % 20 === 0) for (const { set } of tabs) set(task("t1", `Milk ${quarter}`));
      vi.advanceTimersByTime(250);
    }
    vi.useRealTimers();
    const turns = winners.filter((winner, at) => winner !== winners[at - 1]);
    expect(turns.slice(0, 3)).toEqual(["0", "1", "0"]);
    expect(turns.length).toBeLessThan(10);
  });
});
