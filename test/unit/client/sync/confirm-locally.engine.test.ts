// A log without a server, on the engine alone: the device confirms its own commits.
import { expect, test } from "vitest";
import { cursorOf, lastPosition } from "../../../../src/core/history/record.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { readConfirmed } from "../../../../src/client/engine/confirmed-records.ts";
import { confirmLocally } from "../../../../src/client/sync/confirm-locally.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
async function recordsOf({ engine }: Awaited<ReturnType<typeof openTab>>) {
  const records: CommitRecord[] = [];
  for await (const page of readConfirmed(engine.store, 0)) records.push(...page);
  return records;
}

test("confirmLocally: records follow each other, each with a mark of its own and the time of now", async () => {
  const env = { ...browserEnv, now: () => 5_000 };
  const tab = await openTab(domain, newDatabase(), { env, synced: false });
  const ids = [];
  for (const id of ["t1", "t2"]) ids.push(await tab.engine.execute([add(id), task.command.complete(id)], { id }));
  await confirmLocally(tab.engine, env);
  const nothing = await tab.engine.execute([task.command.complete("t9")], null);
  ids.push(await tab.engine.execute([add("t3")], null));
  await confirmLocally(tab.engine, env);
  const records = await recordsOf(tab);
  expect(records.map(({ commit }) => commit)).toEqual(ids);
  expect(records.map(({ position }) => position)).toEqual([1, 3, 5]);
  expect(records.map(({ meta, received, actor }) => [meta, received, actor])).toEqual([
    [{ id: "t1" }, 5_000, "ada"],
    [{ id: "t2" }, 5_000, "ada"],
    [null, 5_000, "ada"],
  ]);
  for (const { mark } of records) expect(mark).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set(records.map(({ mark }) => mark)).size).toBe(3);
  expect([tab.engine.pendingCount, tab.engine.replica.cursor]).toEqual([
    0,
    cursorOf(records[2] ?? expect.fail("none")),
  ]);
  expect(await tab.engine.settled(nothing)).toMatchObject({ outcome: "accepted", position: 5 });
});

test("confirmLocally: confirms more commits than fit one transaction", async () => {
  const tab = await openTab(domain, newDatabase(), { synced: false });
  await Promise.all(Array.from({ length: 1_100 }, (_, n) => tab.engine.execute([add(`t${n}`)], null)));
  const writes = tab.writes();
  await confirmLocally(tab.engine, browserEnv);
  expect(tab.engine.pendingCount).toBe(0);
  expect(tab.writes() - writes).toBe(3);
  const records = await recordsOf(tab);
  expect(lastPosition(records.at(-1) ?? expect.fail("none"))).toBe(1_100);
});

test("confirmLocally: rejects a commit that the log no longer allows, with the domain's reason", async () => {
  const tab = await openTab(domain, newDatabase());
  const server = new RecordingServer();
  const other = await openTab(domain, newDatabase(), { user: "bob" });
  await other.engine.execute([add("t1")], null);
  await server.sync(other.engine);
  const mine = await tab.engine.execute([add("t1")], null);
  const fine = await tab.engine.execute([add("t2")], null);
  await server.pull(tab.engine);
  await confirmLocally(tab.engine, browserEnv);
  expect(await tab.engine.settled(mine)).toMatchObject({ outcome: "rejected", code: "already-added", command: 0 });
  expect(await tab.engine.settled(fine)).toMatchObject({ outcome: "accepted", position: 2 });
});

test("confirmLocally: a rejection names the command of the commit that was rejected", async () => {
  const tab = await openTab(domain, newDatabase());
  const server = new RecordingServer();
  const other = await openTab(domain, newDatabase(), { user: "bob" });
  await other.engine.execute([add("t2")], null);
  await server.sync(other.engine);
  const mine = await tab.engine.execute([add("t1"), add("t2")], null);
  await server.pull(tab.engine);
  await confirmLocally(tab.engine, browserEnv);
  expect(await tab.engine.settled(mine)).toMatchObject({ outcome: "rejected", code: "already-added", command: 1 });
});

test("confirmLocally: ends if other tabs append as fast as it confirms", async () => {
  const tab = await openTab(domain, newDatabase(), { synced: false });
  await tab.engine.execute([add("t0")], null);
  let turns = 0;
  Object.assign(tab.engine, {
    // After each turn as many commits wait as before.
    confirmFrom: async () => {
      if (turns++ > 20) throw new Error("It does not end");
    },
  });
  await confirmLocally(tab.engine, browserEnv);
  expect([turns, tab.engine.pendingCount]).toEqual([1, 1]);
});

test("confirmLocally: writes nothing in a log without pending commits", async () => {
  const tab = await openTab(domain, newDatabase(), { synced: false });
  await confirmLocally(tab.engine, browserEnv);
  expect([tab.writes(), tab.engine.replica.cursor]).toEqual([0, null]);
});

test("confirmLocally: settles a commit without events that waits alone", async () => {
  const tab = await openTab(domain, newDatabase(), { synced: false });
  await tab.engine.execute([add("t1"), task.command.complete("t1")], null);
  await confirmLocally(tab.engine, browserEnv);
  const empty = await tab.engine.execute([task.command.complete("t1")], null);
  await confirmLocally(tab.engine, browserEnv);
  expect(tab.engine.pendingCount).toBe(0);
  expect(await tab.engine.settled(empty)).toMatchObject({ outcome: "accepted" });
});
