// The writes of other tabs: a tab shows them, and refuses a damaged log.
import { expect, test } from "vitest";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const titleOf = (row: unknown) => (row as { title: string }).title;

/** A store that changes what `refresh` returns. */
function storeWith(database: MemoryDatabase, change: (inner: LogStore) => Partial<LogStore>): LogStore {
  const inner = memoryLogStore(database);
  return { ...inner, ...change(inner) };
}

test("LocalLog.load: refuses a stored log with a hole, and names the positions", async () => {
  const database = newDatabase();
  const { engine } = await openTab(domain, database);
  const server = new RecordingServer();
  for (const id of ["t1", "t2"]) {
    await engine.execute([add(id)], null);
    await server.sync(engine);
  }
  const store = storeWith(database, (inner) => ({
    refresh: async (known) => {
      const refresh = await inner.refresh(known);
      return { ...refresh, batches: refresh.batches.slice(1) };
    },
  }));
  const opened = openTab(domain, database, { store });
  await expect(opened).rejects.toMatchObject({ code: "storage-lost" });
  await expect(openTab(domain, database, { store })).rejects.toThrow("position 2 follows 0");
});

test("LocalLog.load: fails if another tab cuts the log back each time", async () => {
  const database = newDatabase();
  let reads = 0;
  const store = storeWith(database, (inner) => ({
    head: async () => {
      reads++;
      return { ...(await inner.head()), generation: -1 };
    },
  }));
  await expect(openTab(domain, database, { store })).rejects.toMatchObject({ code: "storage-lost" });
  expect(reads).toBeGreaterThan(2);
  expect(reads).toBeLessThan(50);
});

test("LocalLog.load: a log in many pages opens whole, with pending commits on top", async () => {
  const database = newDatabase();
  const first = await openTab(domain, database);
  const server = new RecordingServer();
  for (const id of ["t1", "t2", "t3"]) {
    await first.engine.execute([add(id)], null);
    await server.sync(first.engine);
  }
  await first.engine.execute([task.command.rename("t3", { title: "Bread" })], null);
  const inPages = (inner: LogStore): Partial<LogStore> => ({
    refresh: async (known) => {
      const refresh = await inner.refresh(known);
      return { ...refresh, batches: refresh.batches.slice(0, 1), more: refresh.batches.length > 1 };
    },
  });
  const { engine, shown } = await openTab(domain, database, { store: storeWith(database, inPages) });
  expect(shown(board.name)).toEqual(first.shown(board.name));
  expect(engine.summary).toEqual(first.engine.summary);
  // A second tab that was away reads the same pages.
  const away = await openTab(domain, newDatabase());
  expect(away.shown(board.name)).toEqual([]);
});

test("refresh: a rename of other authors rejects the own rename, also after opening again", async () => {
  const database = newDatabase();
  const server = new RecordingServer();
  const ada = await openTab(domain, database);
  const bob = await openTab(domain, newDatabase(), { user: "bob" });
  await ada.engine.execute([add("t1")], null);
  await server.sync(ada.engine);
  await server.pull(bob.engine);
  const mine = await ada.engine.execute([task.command.rename("t1", { title: "Ada's" })], null);
  await bob.engine.execute([task.command.rename("t1", { title: "Bob's" })], null);
  await server.sync(bob.engine);
  await server.pull(ada.engine);
  const doubtful = [{ commit: mine, code: "renamed-meanwhile" }];
  expect(ada.engine.summary.doubtful).toMatchObject(doubtful);
  expect(ada.shown(board.name).map(({ row }) => titleOf(row))).toEqual(["Bob's"]);
  // The tab that opens now reads the events that came after the commit was made.
  const again = await openTab(domain, database);
  expect(again.engine.summary.doubtful).toMatchObject(doubtful);
  expect(again.shown(board.name)).toEqual(ada.shown(board.name));
  // So does a tab that rests on stored rows.
  await again.engine.tidy();
  const rested = await openTab(domain, database);
  expect(rested.engine.summary.doubtful).toMatchObject(doubtful);
  await server.sync(rested.engine);
  expect(rested.engine.rejections).toMatchObject([{ commit: { id: mine }, outcome: { code: "renamed-meanwhile" } }]);
});

test("LocalLog.load: events that another tab confirms meanwhile count once they are read", async () => {
  const database = newDatabase();
  const server = new RecordingServer();
  const ada = await openTab(domain, database);
  const bob = await openTab(domain, newDatabase(), { user: "bob" });
  await ada.engine.execute([add("t1")], null);
  await server.sync(ada.engine);
  await server.pull(bob.engine);
  await ada.engine.execute([task.command.rename("t1", { title: "Ada's" })], null);
  const bobs = async (command: CommandRequest) => {
    await bob.engine.execute([command], null);
    await server.sync(bob.engine);
    await server.pull(ada.engine);
  };
  await bobs(task.command.note("t1", { text: "hm" }));
  const inner = memoryLogStore(database);
  let reads = 0;
  const refresh: LogStore["refresh"] = async (known) => {
    // The tab has read the log, and now reads the events that its pending commit has not seen.
    if (++reads === 2) await bobs(task.command.rename("t1", { title: "Bob's" }));
    return inner.refresh(known);
  };
  const tab = await openTab(domain, database, { store: { ...inner, refresh } });
  expect(tab.engine.summary).toMatchObject({ position: 2, doubtful: [] });
  await tab.engine.refresh();
  expect(tab.engine.summary).toMatchObject({ position: 3, doubtful: [{ code: "renamed-meanwhile" }] });
});

test("refresh: a commit that a displaced leader recorded is sent again, and shows once", async () => {
  const database = newDatabase();
  const { engine, shown } = await openTab(domain, database);
  const server = new RecordingServer();
  const commit = await engine.execute([add("t1")], null);
  const { page, text } = await server.decide(engine);
  // The displaced leader does not know the commit, so it only writes the record.
  const batch = { after: null, cursor: page.cursor ?? expect.fail("no cursor"), text };
  const confirmation = { batch, settled: [], rejected: [], forgetSentBefore: null };
  const { generation } = engine.head;
  expect(await memoryLogStore(database).confirm({ generation, cursor: null }, confirmation)).toBe(true);
  await engine.refresh();
  expect(engine.pending.map((entry) => entry.commit.id)).toEqual([commit]);
  expect(engine.summary).toMatchObject({ position: 1, doubtful: [] });
  expect(shown(board.name)).toMatchObject([{ key: "task/t1", pending: false }]);
});

test("LocalLog.load: a base with damaged rows is dropped before the tab opens", async () => {
  const database = newDatabase();
  const store = memoryLogStore(database);
  expect(await store.join(await store.head(), { checkpoint: { position: 7, mark: "m7" }, tables: [] })).toBe(true);
  const { engine } = await openTab(domain, database);
  expect(engine.replica.cursor).toBeNull();
  expect(engine.head).toEqual(await store.head());
  expect((await store.refresh({ position: 0, pendingTail: 0 })).base).toBeNull();
});

test("status: lists at most 100 doubtful commits, and counts all", async () => {
  const { engine } = await openTab(domain, newDatabase());
  const server = new RecordingServer();
  const bob = await openTab(domain, newDatabase(), { user: "bob" });
  await engine.execute([add("t1")], null);
  await server.sync(engine);
  await server.pull(bob.engine);
  for (let n = 0; n < 103; n++) await engine.execute([task.command.claim("t1", { title: `${n}` })], null);
  expect(engine.summary.doubtful).toEqual([]);
  await bob.engine.execute([task.command.rename("t1", { title: "Bob's" })], null);
  await server.sync(bob.engine);
  await server.pull(engine);
  expect(engine.summary.doubtful).toHaveLength(100);
  expect(engine.summary.pending).toBe(103);
  expect(engine.summary.doubtful[0]).toMatchObject({ code: "conflict", commit: engine.pending[0]?.commit.id });
});

test("confirm: a commit without events is accepted, or rebased if its author expected some", async () => {
  const { engine } = await openTab(domain, newDatabase());
  const server = new RecordingServer();
  await engine.execute([add("t1")], null);
  await server.sync(engine);
  const nothing = await engine.execute([task.command.complete("t9")], null);
  const both = await engine.execute([task.command.complete("t9"), task.command.complete("t1")], null);
  const answer = await server.decide(engine);
  const outcomes = [nothing, both].map((id) => ({ id, outcome: "empty" as const }));
  await engine.confirm({ ...answer, page: { ...answer.page, after: engine.replica.cursor, records: [] }, outcomes }, 0);
  expect(await engine.settled(nothing)).toMatchObject({ outcome: "accepted", position: 1 });
  expect(await engine.settled(both)).toMatchObject({ outcome: "rebased", position: 1 });
});

test("confirm: a claim without its record settles a commit only up to the own position", async () => {
  const { engine } = await openTab(domain, newDatabase());
  const server = new RecordingServer();
  await engine.execute([add("t1")], null);
  await server.sync(engine);
  const id = await engine.execute([add("t2")], null);
  const claim = (position: number) => ({
    ...server.page(engine, [{ id, outcome: "recorded", at: { position, mark: "m" } }]),
  });
  await engine.confirm(claim(2), 0);
  expect(engine.pendingCount).toBe(1);
  await engine.confirm(claim(1), 0);
  expect(await engine.settled(id)).toEqual({ outcome: "rebased", commit: id, position: 1 });
});

test("refresh: a rejection that another tab exchanged for another one shows", async () => {
  const database = newDatabase();
  const [tab, other] = [await openTab(domain, database), await openTab(domain, database)];
  const ids: string[] = [];
  for (const id of ["t1", "t2", "t3"]) ids.push(await other.engine.execute([add(id)], null));
  const [first = "", second = "", third = ""] = ids;
  for (const id of [first, second]) await other.engine.withdraw(id);
  await tab.engine.refresh();
  const rejected = () => tab.engine.rejections.map(({ commit }) => commit.id);
  expect(rejected()).toEqual([first, second]);
  await other.engine.discard(first);
  await other.engine.withdraw(third);
  await tab.engine.refresh();
  expect(rejected()).toEqual([second, third]);
});
