// Each call of the engine on its own: what it reports, and what it does when a write fails or another tab is first.
import { expect, test } from "vitest";
import { DacapoError } from "../../../../src/core/values/errors.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import type { Engine } from "../../../../src/client/engine/engine.ts";
import { NO_LINKS } from "../../../../src/client/engine/append-group.ts";
import { exportLines } from "../../../../src/client/engine/export-import.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore, type MemoryLogStoreOptions } from "../../../../src/client/stores/memory-log-store.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import type { RowEntry } from "../../../../src/core/fold/rows.ts";
import { board, column, domain, task } from "../../../support/board-domain.ts";
import { openTab, sortedByKey } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const add = (id: string, title = id) => task.command.add(id, { title, column: "todo" });
const titlesOf = (entries: readonly RowEntry[]) => entries.map(({ row }) => (row as { title: string }).title);

/** A tab whose store runs `hooks` once, when they are armed. */
async function tabWithHooks(hooks: MemoryLogStoreOptions, database = newDatabase()) {
  const armed = new Set<string>();
  const once = (name: "before" | "after") => async (operation: string) => {
    if (operation === "appendPending" && armed.delete(name)) await hooks[name]?.(operation);
  };
  const store = memoryLogStore(database, { before: once("before"), after: once("after") });
  const tab = await openTab(domain, database, { store });
  return { ...tab, arm: () => void armed.add("before").add("after") };
}

test("execute: commands are decided again if another tab appended first", async () => {
  const database = newDatabase();
  const other = await openTab(domain, database);
  const before = async () => void (await other.engine.execute([add("t1", "Theirs")], null));
  const { engine, shown, arm } = await tabWithHooks({ before }, database);
  arm();
  await expect(engine.execute([add("t1", "Mine")], null)).rejects.toMatchObject({
    code: "rejected",
    details: { code: "already-added" },
  });
  expect(titlesOf(shown(board.name))).toEqual(["Theirs"]);
  await engine.execute([task.command.rename("t1", { title: "Ours" })], null);
  await other.engine.refresh();
  expect(titlesOf(other.shown(board.name))).toEqual(["Ours"]);
  expect(engine.pending.map(({ n }) => n)).toEqual([1, 2]);
});

test.each(["the append fails", "another tab is first"])(
  "execute: rows that a page read meanwhile are taken back if %s",
  async (reason) => {
    const database = newDatabase();
    const other = await openTab(domain, database);
    let read: readonly RowEntry[] = [];
    const isFailing = reason === "the append fails";
    const tab = await tabWithHooks(
      {
        before: async () => {
          if (!isFailing) await other.engine.execute([add("t1", "Theirs")], null);
        },
        after: () => {
          read = tab.engine.replica.entries(board.name);
          tab.reports.length = 0;
          if (isFailing) throw new Error("The disk failed");
        },
      },
      database,
    );
    await tab.engine.execute([column.command.add("done", { name: "Done" }), add("t0")], null);
    await other.engine.refresh();
    tab.arm();
    const done = tab.engine.execute([task.command.move("t0", { column: "done" }), add("t1", "Mine")], null);
    if (isFailing) await expect(done).rejects.toMatchObject({ code: "bug" });
    else await expect(done).rejects.toMatchObject({ code: "rejected" });
    const rows = new Map(read.map((entry) => [entry.key, entry]));
    for (const { projection, set, removed } of tab.reports.flat()) {
      if (projection !== board.name) continue;
      for (const key of removed) rows.delete(key);
      for (const entry of set) rows.set(entry.key, entry);
    }
    expect(sortedByKey([...rows.values()])).toEqual(sortedByKey(tab.engine.replica.entries(board.name)));
  },
);

test("execute: a failed write rejects all calls with its error, and the log works after it", async () => {
  const full = new DacapoError("storage-full", "never", { message: "The disk is full", fix: "Free some space." });
  for (const [error, expected] of [
    [full, { code: "storage-full" }],
    [new TypeError("planted"), { code: "bug" }],
  ] as const) {
    const before = () => {
      throw error;
    };
    const { engine, shown, arm, writes } = await tabWithHooks({ before });
    arm();
    const calls = await Promise.allSettled([engine.execute([add("t1")], null), engine.execute([add("t2")], null)]);
    expect(calls).toMatchObject([
      { status: "rejected", reason: expected },
      { status: "rejected", reason: expected },
    ]);
    expect([shown(board.name), engine.pending, writes()]).toEqual([[], [], 0]);
    await engine.execute([add("t1")], null);
    expect(titlesOf(shown(board.name))).toEqual(["t1"]);
    expect(engine.pending.map(({ n }) => n)).toEqual([1]);
  }
});

test("execute: commands that wait together share transactions of 256, in their order", async () => {
  let appends = 0;
  const database = newDatabase();
  const store = memoryLogStore(database, {
    before: (operation) => void (appends += operation === "appendPending" ? 1 : 0),
  });
  const { engine, writes } = await openTab(domain, database, { store });
  const ids = await Promise.all(Array.from({ length: 300 }, (_, n) => engine.execute([add(`t${n}`)], null)));
  expect(engine.pending.map(({ commit }) => commit.id)).toEqual(ids);
  expect([appends, writes()]).toEqual([2, 2]);
});

test("execute: a refused command reports no write and no rows", async () => {
  const { engine, writes, reports } = await openTab(domain, newDatabase());
  await expect(engine.execute([task.command.rename("t1", { title: "x" })], null)).rejects.toThrow("no-such-task");
  expect([writes(), reports]).toEqual([0, []]);
});

test("execute: the store gets a rejection to end only from a commit that replaces one", async () => {
  const inner = memoryLogStore(newDatabase());
  const ended: string[][] = [];
  const appendPending: LogStore["appendPending"] = async (tail, entries, rejections) => {
    const isAppended = await inner.appendPending(tail, entries, rejections);
    ended.push([...rejections]);
    return isAppended;
  };
  const { engine } = await openTab(domain, newDatabase(), { store: { ...inner, appendPending } });
  const commit = await engine.execute([add("t1")], null);
  await engine.withdraw(commit);
  await engine.execute([add("t1")], null, { ...NO_LINKS, endRejection: commit });
  expect(ended).toEqual([[], [commit]]);
});

test("execute: a commit replaces the rejection that it names, a refused one does not", async () => {
  const database = newDatabase();
  const { engine } = await openTab(domain, database);
  const [first, second] = [await engine.execute([add("t1")], null), await engine.execute([add("t2")], null)];
  await engine.withdraw(first);
  await engine.withdraw(second);
  const rejected = () => engine.rejections.map(({ commit }) => commit.id);
  expect(rejected()).toEqual([first, second]);
  const links = { ...NO_LINKS, endRejection: first };
  await expect(engine.execute([task.command.rename("t1", { title: "x" })], null, links)).rejects.toThrow(
    "no-such-task",
  );
  expect(rejected()).toEqual([first, second]);
  await engine.execute([add("t3")], null);
  expect(rejected()).toEqual([first, second]);
  await engine.execute([add("t1")], null, links);
  expect(rejected()).toEqual([second]);
  expect((await openTab(domain, database)).engine.rejections).toEqual(engine.rejections);
});

test("execute: a rejection is replaced once, in one group of calls and by two tabs", async () => {
  const database = newDatabase();
  const [{ engine: here }, { engine: there }] = [await openTab(domain, database), await openTab(domain, database)];
  const replaced = { code: "rejected", details: { code: "unknown-commit" } };
  await here.execute([add("t1")], null);
  const rejection = async () => {
    const commit = await here.execute([task.command.note("t1", { text: "Salt" })], null);
    await here.withdraw(commit);
    return { ...NO_LINKS, endRejection: commit };
  };
  const links = [await rejection(), await rejection()] as const;
  await there.refresh();
  const retry = (engine: Engine, n: 0 | 1) =>
    engine.execute([task.command.note("t1", { text: "Salt" })], null, links[n]);
  const clicks = await Promise.allSettled([retry(here, 0), retry(here, 0), retry(here, 1)]);
  expect(clicks.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  // The other tab shows both rejections until it reads the store.
  expect(there.rejections).toHaveLength(2);
  await expect(retry(there, 0)).rejects.toMatchObject(replaced);
  await expect(retry(here, 1)).rejects.toMatchObject(replaced);
  expect([here.pendingCount, there.pendingCount, here.rejections, there.rejections]).toEqual([3, 3, [], []]);
});

test("execute: only a guarded commit is rejected for events of other authors", async () => {
  const { engine } = await openTab(domain, newDatabase());
  await engine.execute([add("t1")], null);
  await engine.execute([add("t2")], null, { ...NO_LINKS, isGuarded: false });
  await engine.execute([add("t3")], null, { ...NO_LINKS, isGuarded: true });
  expect(engine.pending.map(({ commit }) => commit.onConflict ?? null)).toEqual([null, null, "reject"]);
});

test("execute: times rise although the clock of the device went back before the tab opened", async () => {
  const database = newDatabase();
  const at = (now: number) => ({ env: { ...browserEnv, now: () => now } });
  const first = await openTab(domain, database, at(9_000));
  await first.engine.execute([add("t1")], null);
  await first.engine.execute([add("t2")], null);
  const second = await openTab(domain, database, at(5_000));
  await second.engine.execute([add("t3")], null);
  const times = second.engine.pending.map(({ commit }) => commit.time);
  expect(times).toEqual(times.toSorted((one, other) => one - other));
  expect(new Set(times).size).toBe(3);
});

test("execute, confirm: end with BugError if other tabs are always first", async () => {
  const database = newDatabase();
  const store = memoryLogStore(database);
  const { engine } = await openTab(domain, database, { store });
  const id = await engine.execute([add("t1")], null);
  let attempts = 0;
  const refuse = () => Promise.resolve(attempts++ < 0);
  Object.assign(store, { appendPending: refuse, confirm: refuse });
  await expect(engine.execute([add("t2")], null)).rejects.toMatchObject({ code: "bug" });
  expect(attempts).toBeGreaterThan(10);
  await expect(engine.withdraw(id)).rejects.toMatchObject({ code: "bug" });
  expect(engine.pending.map(({ commit }) => commit.id)).toEqual([id]);
});

test("execute: a store that walks twice through the entries gets the same commits", async () => {
  const database = newDatabase();
  const inner = memoryLogStore(database);
  const walks: string[][] = [];
  const store = {
    ...inner,
    appendPending: (...[tail, entries, ends]: Parameters<typeof inner.appendPending>) => {
      for (let walk = 0; walk < 2; walk++) walks.push([...entries].map(({ commit }) => commit.id));
      return inner.appendPending(tail, entries, ends);
    },
  };
  const { engine } = await openTab(domain, database, { store });
  const ids = await Promise.all([engine.execute([add("t1")], null), engine.execute([add("t2")], null)]);
  expect(walks).toEqual([ids, ids]);
  expect(engine.pending.map(({ commit }) => commit.id)).toEqual(ids);
});

test("confirm: an answer to a request from before a divergence is ignored", async () => {
  const { engine } = await openTab(domain, newDatabase());
  const server = new RecordingServer();
  await engine.execute([add("t1")], null);
  const answer = await server.decide(engine);
  await engine.confirm(answer, engine.head.generation - 1);
  expect([engine.pendingCount, engine.replica.cursor]).toEqual([1, null]);
  await engine.confirm(answer, engine.head.generation);
  expect([engine.pendingCount, engine.replica.cursor?.position]).toEqual([0, 1]);
});

test("confirm: without a record, a commit settles at the time of the last record that is known", async () => {
  const { engine } = await openTab(domain, newDatabase(), { env: { ...browserEnv, now: () => 77 } });
  const server = new RecordingServer();
  const settledAt = async () => (await engine.store.readSent(null)).map((entry) => entry.settledAt);
  await engine.execute([task.command.complete("t1")], null);
  await server.sync(engine);
  expect(await settledAt()).toEqual([null]);
  await engine.execute([add("t1")], null);
  await engine.execute([add("t2")], null);
  await engine.execute([add("t3")], null);
  await server.sync(engine);
  const received = server.records.map((record) => record.received);
  expect(new Set(received).size).toBe(3);
  for (let n = 0; n < 2; n++) {
    await engine.execute([task.command.complete("t9")], null);
    await server.sync(engine);
  }
  expect((await settledAt()).slice(-2)).toEqual([received[2], received[2]]);
});

test("discard: the rejection is gone here and in other tabs, and other tabs hear of the write", async () => {
  const database = newDatabase();
  const { engine, writes } = await openTab(domain, database);
  const other = await openTab(domain, database);
  await engine.withdraw(await engine.execute([add("t1")], null));
  await other.engine.refresh();
  expect(other.engine.summary.rejections).toBe(1);
  const before = writes();
  await engine.discard(engine.rejections[0]?.commit.id ?? "");
  await other.engine.refresh();
  expect([engine.summary.rejections, other.engine.summary.rejections, writes() - before]).toEqual([0, 0, 1]);
});

test("import: the tab shows the log at once, and other tabs hear of the write", async () => {
  const from = await openTab(domain, newDatabase());
  await from.engine.execute([add("t1")], null);
  await new RecordingServer().sync(from.engine);
  await from.engine.execute([add("t2")], null);
  const lines: string[] = [];
  for await (const line of exportLines(from.engine.store, "team")) lines.push(line);
  const { engine, shown, writes } = await openTab(domain, newDatabase());
  await engine.import("team", lines);
  expect(shown(board.name)).toEqual(from.shown(board.name));
  expect([engine.summary, writes()]).toMatchObject([{ pending: 1, position: 1, sentAgain: null }, 1]);
});

test("close: all waiting and later calls reject with the error, and the store is closed", async () => {
  const { engine } = await openTab(domain, newDatabase());
  const id = await engine.execute([add("t1")], null);
  const waiting = [engine.settled(id), engine.settled(id)];
  const error = new DacapoError("storage-lost", "never", { message: "The site's data was deleted", fix: "Reload." });
  const ended = Promise.allSettled(waiting);
  await engine.close(error);
  expect(await ended).toEqual(waiting.map(() => ({ status: "rejected", reason: error })));
  await expect(engine.execute([add("t2")], null)).rejects.toBe(error);
  await expect(engine.refresh()).rejects.toBe(error);
  await expect(engine.settled(id)).rejects.toBeDefined();
  await expect(engine.store.head()).rejects.toMatchObject({ code: "storage-lost" });
});
