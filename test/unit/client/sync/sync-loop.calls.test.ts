// The sync loop in virtual time: which calls it makes, and what the device keeps.
import { expect, test, vi } from "vitest";
import { syncSummary } from "../../../../src/client/sync/sync-state.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import { ForbiddenError } from "../../../../src/core/values/errors.ts";
import { cursorOf } from "../../../../src/core/history/record.ts";
import {
  facts,
  foreignCommit,
  leader,
  MINUTE,
  pass,
  recorded,
  reportedLeader,
  virtualTimeForTests,
} from "../../../support/sync-loop-scene.ts";

virtualTimeForTests();

test("sync-loop: rests without a timer when the socket has reported all", async () => {
  const { engine, nodes, loop } = await reportedLeader("t1");
  expect(vi.getTimerCount()).toBe(0);
  expect(syncSummary(loop.state)).toMatchObject({ activity: "fresh", isSocketOpen: true, head: 1 });
  expect([engine.pendingCount, nodes.sockets.length]).toEqual([0, 1]);
  expect(loop.state.traffic.sent).toBeGreaterThan(100);
});

test("sync-loop: close ends the socket and all presence, and no call follows", async () => {
  const { nodes, loop, make, gone, changes } = await reportedLeader("t1");
  loop.close();
  expect([nodes.sockets[0]?.isClosed, gone]).toEqual([true, ["all"]]);
  await pass(1_000);
  const [calls, before] = [nodes.calls.length, changes()];
  await make("t2");
  await pass(10 * MINUTE);
  expect([nodes.calls.length, nodes.sockets.length, changes()]).toEqual([calls, 1, before]);
});

test("sync-loop: a call that fails after the close reports nothing", async () => {
  const { loop, change, changes } = await reportedLeader("t1");
  change("pull", async () => {
    await pass(0);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    throw new UnreachableError("Lost", null);
  });
  loop.markStale();
  await pass(100);
  loop.close();
  const before = changes();
  await pass(MINUTE);
  expect([changes(), vi.getTimerCount()]).toEqual([before, 0]);
});

test("sync-loop: a pause closes the socket, and the end of the pause opens another", async () => {
  const { nodes, loop, make, gone } = await reportedLeader("t1");
  loop.setPaused(true);
  expect([nodes.sockets[0]?.isClosed, gone]).toEqual([true, ["all"]]);
  await make("t2");
  await pass(10 * MINUTE);
  expect(recorded(nodes)).toHaveLength(1);
  loop.setPaused(false);
  await pass(1_000);
  expect(recorded(nodes)).toHaveLength(2);
  expect(nodes.sockets.map(({ isClosed }) => isClosed)).toEqual([true, false]);
});

test("sync-loop: a network change ends the wait after a failure", async () => {
  const { nodes, loop, make, change } = await reportedLeader("t1");
  const works = change("push", () => Promise.reject(new UnreachableError("Lost", 10 * MINUTE)));
  await make("t2");
  await pass(MINUTE);
  works();
  expect(recorded(nodes)).toHaveLength(1);
  loop.networkChanged();
  await pass(1_000);
  expect(recorded(nodes)).toHaveLength(2);
});

test("sync-loop: checks a push that was answered while the socket opened", async () => {
  const nodesOf = await leader();
  const { nodes, loop, make } = nodesOf;
  nodes.settings.opensSockets = false;
  loop.resumeFromFreeze();
  await pass(100);
  const made = await make("t1");
  await pass(20_000);
  expect(recorded(nodes)).toEqual(made);
  nodes.sockets.at(-1)?.events.opened();
  nodes.restore(0);
  await pass(MINUTE);
  expect(recorded(nodes)).toEqual(made);
});

test("sync-loop: a divergence replaces the socket, and forgets what it had reported", async () => {
  const { nodes, engine, make, commits } = await reportedLeader("t1", "t2");
  nodes.restore(1);
  const [third] = await make("t3");
  await pass(1_000);
  expect(recorded(nodes)).toEqual([...commits, third]);
  expect(nodes.sockets.map(({ isClosed }) => isClosed)).toEqual([true, false]);
  expect([engine.head.generation, engine.pendingCount]).toEqual([1, 0]);
});

test("sync-loop: stops if the log was deleted on the server, and keeps the work", async () => {
  const { nodes, engine, loop, make, change } = await reportedLeader("t1");
  const calls: string[] = [];
  for (const call of ["push", "pull"] as const)
    change(call, () => Promise.resolve((calls.push(call), { kind: "gone" as const })));
  await make("t2");
  await pass(10 * MINUTE);
  expect(syncSummary(loop.state)).toMatchObject({ activity: "stopped", error: { code: "gone" } });
  expect([calls.length, engine.pendingCount, engine.replica.cursor?.position]).toEqual([1, 1, 1]);
  expect(nodes.sockets.at(-1)?.isClosed).toBe(true);
});

test("sync-loop: a confirmed frame is shown as the last time of syncing", async () => {
  const { nodes, loop, make } = await reportedLeader("t1");
  const reported = nodes.cursor();
  await make("t2");
  await pass(100);
  await pass(5_000);
  const before = loop.state.lastSyncedAt ?? 0;
  nodes.report(reported);
  await pass(100);
  expect(loop.state.lastSyncedAt ?? 0).toBeGreaterThan(before);
  expect(loop.state.head).toBe(2);
});

test("sync-loop: a push from a log that is behind requests no records, and pulls bring them", async () => {
  const { nodes, engine, loop, make } = await reportedLeader("t1");
  expect(nodes.pushes.at(-1)?.call?.pageBytes).toBeGreaterThan(0);
  for (const id of ["b1", "b2", "b3", "b4", "b5"]) nodes.append(foreignCommit(id));
  nodes.settings.recordsInPage = 1;
  nodes.sockets.at(-1)?.events.head(6);
  const before = nodes.calls.length;
  const [own] = await make("t2");
  await pass(1_000);
  expect(nodes.calls.slice(before).filter((call) => call === "push")).toHaveLength(1);
  expect(nodes.pushes.at(-1)).toMatchObject({ ids: [own], call: { pageBytes: 0 } });
  expect(engine.head).toMatchObject({ generation: 0, cursor: { position: 7 } });
  expect([engine.pendingCount, loop.state.push.failures]).toEqual([0, 0]);
});

test("sync-loop: a server that goes back behind a push of a log that is behind gets it again", async () => {
  const { nodes, engine, make, change } = await reportedLeader("t1");
  for (const id of ["b1", "b2", "b3", "b4"]) nodes.append(foreignCommit(id));
  nodes.settings.recordsInPage = 1;
  nodes.sockets.at(-1)?.events.head(5);
  let isHeld = true;
  change("pull", (own, ...given) => (isHeld ? Promise.reject(new UnreachableError("Lost", 100)) : own(...given)));
  const before = nodes.pushes.length;
  const [mine] = await make("t2");
  await pass(20_000);
  expect(nodes.pushes.slice(before)).toHaveLength(1);
  expect(recorded(nodes)).toContain(mine);
  expect(engine.pendingCount).toBe(1);
  nodes.restore(3);
  isHeld = false;
  await pass(2 * MINUTE);
  expect(recorded(nodes).slice(3)).toEqual([mine]);
  expect([engine.pendingCount, engine.replica.cursor?.position]).toEqual([0, 4]);
});

test("sync-loop: after the right to read returned, a push names the end of the dropped log", async () => {
  const { nodes, engine, loop, make, change, commits } = await reportedLeader("t1", "t2", "t3");
  const works = change("pull", () => Promise.reject(new ForbiddenError({ ...facts, details: { code: "forbidden" } })));
  loop.markStale();
  await pass(MINUTE);
  expect(engine.head).toMatchObject({ cursor: null, droppedEnd: { position: 3 } });
  const [own] = await make("t4");
  works();
  const afters: unknown[] = [];
  change("push", (push, ...given) => (afters.push(given[0]), push(...given)));
  nodes.settings.recordsInPage = 1;
  const before = nodes.calls.length;
  loop.networkChanged();
  await pass(10_000);
  expect(nodes.calls.slice(before)).toEqual(["push", "pull", "pull", "pull", "pull"]);
  expect(afters).toMatchObject([{ position: 3 }]);
  expect(recorded(nodes)).toEqual([...commits, own]);
  expect(engine.head).toMatchObject({ droppedEnd: null, generation: 1 });
});

test("sync-loop: a frame from before the loss of the right to read shows no loss of history", async () => {
  const { nodes, engine, loop, change } = await reportedLeader("t1");
  const [first] = nodes.records();
  if (!first) throw new Error("no record");
  const early = { after: null, records: [first], cursor: cursorOf(first), head: 1, more: false };
  for (const id of ["b1", "b2"]) nodes.append(foreignCommit(id));
  const works = change("pull", (own, after, limit) => {
    works();
    // The frame waits in the inbox while this device loses the right to read.
    change("pull", () => {
      nodes.sockets[0]?.events.records(early, JSON.stringify(early));
      return Promise.reject(new ForbiddenError({ ...facts, details: { code: "forbidden" } }));
    });
    return own(after, limit);
  });
  loop.markStale();
  await pass(1_000);
  loop.markStale();
  await pass(MINUTE);
  expect(engine.head).toMatchObject({ cursor: null, droppedEnd: { position: 3 }, generation: 1 });
  loop.networkChanged();
  await pass(MINUTE);
  expect(engine.head).toMatchObject({ cursor: null, droppedEnd: { position: 3 }, generation: 1 });
});

test("sync-loop: if the server lost that log meanwhile, it gets all own work again", async () => {
  const { nodes, engine, loop, make, change, commits } = await reportedLeader("t1", "t2", "t3");
  const works = change("pull", () => Promise.reject(new ForbiddenError({ ...facts, details: { code: "forbidden" } })));
  loop.markStale();
  await pass(MINUTE);
  const [own] = await make("t4");
  works();
  nodes.restore(2);
  loop.networkChanged();
  await pass(20);
  expect(recorded(nodes)).toEqual([...commits, own]);
  expect([engine.pendingCount, engine.head.droppedEnd, engine.replica.cursor?.position]).toEqual([0, null, 4]);
});

test("sync-loop: records that arrive before the socket is open are kept", async () => {
  const { nodes, engine, loop } = await reportedLeader("t1");
  nodes.settings.opensSockets = false;
  loop.resumeFromFreeze();
  await pass(100);
  const before = nodes.calls.length;
  const reported = nodes.cursor();
  nodes.append(foreignCommit("b1"));
  nodes.report(reported);
  await pass(100);
  nodes.sockets.at(-1)?.events.opened();
  await pass(5 * MINUTE);
  expect([engine.replica.cursor?.position, nodes.calls.length]).toEqual([2, before]);
});

test("sync-loop: a dropped log makes few calls if the server answers with other records", async () => {
  const { engine, loop, change } = await reportedLeader("t1");
  const works = change("pull", () =>
    Promise.reject(new ForbiddenError({ message: "No", fix: "None", details: { code: "forbidden" } })),
  );
  loop.markStale();
  await pass(MINUTE);
  works();
  let pulls = 0;
  const answer = { after: { position: 9, mark: "m9" }, records: [], cursor: null, head: 0, more: false };
  change("pull", () => Promise.resolve((pulls++, { kind: "answer" as const, answer, text: '{"records":[]}' })));
  loop.networkChanged();
  await pass(10 * MINUTE);
  expect(pulls).toBeGreaterThan(2);
  expect(pulls).toBeLessThan(60);
  expect(engine.head.droppedEnd).not.toBeNull();
});
