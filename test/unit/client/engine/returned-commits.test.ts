// The report of a device after a server lost history: the number of commits that it sends again, and their ends.
import { expect, test } from "vitest";
import { dropConfirmed, resolveDivergence } from "../../../../src/client/sync/resolve-divergence.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { rebuildRows } from "../../../../src/client/engine/rebuild-rows.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { storageLost } from "../../../../src/client/stores/storage-errors.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";
import type { Cursor } from "../../../../src/core/history/record.ts";

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

/** A server that lost all records behind a position, and two tabs of a device that has four commits. */
async function scene(kept: number, change: (inner: LogStore) => Partial<LogStore> = () => ({})) {
  const database = new MemoryDatabase(() => crypto.randomUUID());
  const inner = memoryLogStore(database);
  const leader = await openTab(domain, database);
  const other = await openTab(domain, database, { store: { ...inner, ...change(inner) } });
  const server = new RecordingServer();
  for (const id of ["t1", "t2", "t3", "t4"]) await leader.engine.execute([add(id)], null);
  await server.sync(leader.engine);
  await other.engine.refresh();
  server.records = server.records.slice(0, kept);
  const answer = (after: Cursor) => (server.records.some(({ mark }) => mark === after.mark) ? "answer" : "diverged");
  const transport = { pull: async (after: Cursor) => ({ kind: answer(after) }) } as unknown as Transport;
  const titles = () => leader.shown(board.name).map(({ key }) => key);
  return { leader, other, server, titles, resolve: () => resolveDivergence(leader.engine, transport) };
}

test("sentAgain: counts the commits that return to the queue, and how each of them ended", async () => {
  const { leader, other, server, titles, resolve } = await scene(1);
  expect(leader.engine.summary.sentAgain).toBeNull();
  const writes = leader.writes();
  await resolve();
  expect(leader.writes()).toBe(writes + 1);
  const report = { commits: 3, position: 1, accepted: 0, rebased: 0, rejected: 0 };
  expect(leader.engine.summary.sentAgain).toMatchObject(report);
  expect(titles()).toEqual(["task/t1", "task/t2", "task/t3", "task/t4"]);

  await leader.engine.execute([add("t5")], null);
  await leader.engine.withdraw(leader.engine.pending[0]?.commit.id ?? "");
  await server.sync(leader.engine);
  expect(leader.engine.summary.sentAgain).toMatchObject({ ...report, accepted: 2, rejected: 1 });
  // The other tab learns of the loss when all has ended, so nothing waits there.
  await other.engine.refresh();
  expect(other.engine.summary.sentAgain).toMatchObject({ commits: 0, accepted: 0, rejected: 0 });
});

test("sentAgain: another tab that saw the loss counts the ends that it learns from the store", async () => {
  const { leader, other, server, resolve } = await scene(2);
  await resolve();
  await other.engine.refresh();
  expect(other.engine.summary.sentAgain).toMatchObject({ commits: 2, position: 2, accepted: 0 });
  await leader.engine.withdraw(leader.engine.pending[1]?.commit.id ?? "");
  await server.sync(leader.engine);
  await other.engine.refresh();
  expect(other.engine.summary.sentAgain).toMatchObject({ commits: 2, accepted: 1, rejected: 1, rebased: 0 });
});

test("sentAgain: another tab counts a commit that ended without a record as accepted", async () => {
  const { leader, other, server, resolve } = await scene(3);
  await leader.engine.execute([task.command.complete("t9")], null);
  await server.sync(leader.engine);
  // An older rejection of another commit changes nothing.
  await leader.engine.withdraw(await leader.engine.execute([add("t8")], null));
  await other.engine.refresh();
  await resolve();
  await other.engine.refresh();
  const commits = other.engine.summary.sentAgain?.commits ?? 0;
  await server.sync(leader.engine);
  await other.engine.refresh();
  expect(other.engine.summary.sentAgain).toMatchObject({ commits, accepted: commits, rejected: 0 });
});

test("sentAgain: another tab learns from a record that its commit was rebased", async () => {
  const { leader, other, server, resolve } = await scene(3);
  await resolve();
  await other.engine.refresh();
  const { outcomes } = await server.decide(leader.engine);
  server.records = server.records.map((record, n) =>
    n < 3
      ? record
      : { ...record, events: record.events.map((event) => ({ ...event, data: { title: "x", column: "y" } })) },
  );
  await leader.engine.confirm(server.page(leader.engine, outcomes), leader.engine.head.generation);
  await other.engine.refresh();
  expect(other.engine.summary.sentAgain).toMatchObject({ commits: 1, accepted: 0, rebased: 1 });
});

test("sentAgain: another tab counts the ends that it missed because the rows were rebuilt", async () => {
  const { leader, other, server, resolve } = await scene(1);
  await resolve();
  await other.engine.refresh();
  await leader.engine.withdraw(leader.engine.pending[0]?.commit.id ?? "");
  await server.sync(leader.engine);
  await rebuildRows(leader.engine, { domain: domain.definition, env: browserEnv }, () => {});
  await other.engine.refresh();
  expect(other.engine.summary.sentAgain).toMatchObject({ commits: 3, accepted: 2, rejected: 1, rebased: 0 });
});

test("sentAgain: another tab counts the ends of a refresh that failed half way", async () => {
  let isBroken = false;
  const { leader, other, server, resolve } = await scene(1, (store) => ({
    readRejections: () => (isBroken ? Promise.reject(storageLost("closed")) : store.readRejections()),
  }));
  await resolve();
  await other.engine.refresh();
  await leader.engine.withdraw(leader.engine.pending[0]?.commit.id ?? "");
  await server.sync(leader.engine);
  isBroken = true;
  await expect(other.engine.refresh()).rejects.toMatchObject({ code: "storage-lost" });
  isBroken = false;
  await other.engine.refresh();
  expect(other.engine.summary.sentAgain).toMatchObject({ commits: 3, accepted: 2, rejected: 1, rebased: 0 });
});

test("sentAgain: a second loss adds to the report, and acknowledge ends it", async () => {
  const { leader, server, resolve } = await scene(2);
  await resolve();
  await server.sync(leader.engine);
  server.records = server.records.slice(0, 2);
  await resolve();
  expect(leader.engine.summary.sentAgain).toMatchObject({ commits: 4, accepted: 2 });
  const reports = leader.reports.length;
  leader.engine.acknowledge();
  expect(leader.engine.summary.sentAgain).toBeNull();
  expect(leader.reports.length).toBe(reports + 1);
  // A commit that still waits is an ordinary commit from now on.
  await server.sync(leader.engine);
  expect(leader.engine.summary.sentAgain).toBeNull();
});

test("sentAgain: after acknowledge, a new loss counts from nothing", async () => {
  const { leader, server, resolve } = await scene(3);
  await resolve();
  leader.engine.acknowledge();
  server.records = server.records.slice(0, 2);
  await resolve();
  await server.sync(leader.engine);
  expect(leader.engine.summary.sentAgain).toMatchObject({ commits: 1, accepted: 1, rejected: 0 });
});

test("cutBack: rows without a record vanish from the page, and waiting calls hear of it", async () => {
  const { leader, titles } = await scene(4);
  const pending = await leader.engine.execute([add("t9")], null);
  const waiting = leader.engine.settled(pending);
  const before = leader.engine.head.generation;
  await dropConfirmed(leader.engine);
  expect(titles()).toEqual(["task/t9"]);
  expect(leader.engine.head.generation).toBe(before + 1);
  expect(leader.engine.summary.sentAgain).toBeNull();
  await leader.engine.withdraw(pending);
  expect(await waiting).toMatchObject({ outcome: "rejected" });
  expect(titles()).toEqual([]);
});

test("cutBack: returns false and reports no write if the plan does nothing", async () => {
  const { leader } = await scene(4);
  const writes = leader.writes();
  expect(await leader.engine.replaceLog(() => Promise.resolve(null))).toBe(false);
  expect(leader.writes()).toBe(writes);
  expect(await leader.engine.replaceLog(({ store, head }) => store.cutBack(head, null, []))).toBe(true);
  expect(leader.writes()).toBe(writes + 1);
});
