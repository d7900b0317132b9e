// The sync loop in virtual time: pushes and pulls that fail, and commits that the server does not take.
import { expect, test } from "vitest";
import { SignInPageError } from "../../../../src/client/sync/sign-in-page.ts";
import { syncSummary } from "../../../../src/client/sync/sync-state.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import { LIMITS } from "../../../../src/core/history/limits.ts";
import { ProtocolError } from "../../../../src/core/values/errors.ts";
import { task } from "../../../support/board-domain.ts";
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

test("sync-loop: a pull that fails does not count as a failed push", async () => {
  const { loop, change } = await reportedLeader("t1");
  change("pull", () => Promise.reject(new UnreachableError("Lost", null)));
  loop.markStale();
  await pass(10 * MINUTE);
  expect(syncSummary(loop.state)).toMatchObject({ activity: "offline" });
  expect(loop.state.push).toMatchObject({ failures: 0, error: null, notBefore: 0 });
});

test("sync-loop: an answer without any change counts as a failure, and costs few calls", async () => {
  const { nodes, engine, loop, make, change } = await reportedLeader("t1");
  const before = nodes.calls.length;
  const after = engine.replica.cursor;
  const page = { after, records: [], cursor: after, head: 1, more: false };
  let pushes = 0;
  const works = change("push", () =>
    Promise.resolve((pushes++, { kind: "answer" as const, answer: { ...page, outcomes: [] }, text: "" })),
  );
  await make("t2");
  await pass(10 * MINUTE);
  expect(pushes).toBeGreaterThan(2);
  expect(pushes + nodes.calls.length - before).toBeLessThan(80);
  expect(loop.state.push.stuck.length + loop.state.push.failures).toBeGreaterThan(0);
  works();
  await pass(20 * MINUTE);
  expect([recorded(nodes).length, engine.pendingCount]).toEqual([2, 0]);
});

test("sync-loop: a commit that is made during a push does not make its answer a failure", async () => {
  const { nodes, engine, loop, make, change } = await reportedLeader("t1");
  const after = engine.replica.cursor;
  const page = { after, records: [], cursor: after, head: 1, more: false };
  const works = change("push", async (_own, _after, _domain, commits) => {
    works();
    await engine.execute([task.command.add("t3", { title: "t3", column: "todo" })], null);
    const outcomes = commits.map(({ id }) => ({
      id,
      outcome: "rejected" as const,
      command: 0,
      code: "no",
      message: "",
    }));
    return { kind: "answer" as const, answer: { ...page, outcomes }, text: '{"records":[]}' };
  });
  await make("t2");
  await pass(50);
  expect(loop.state.push.failures).toBe(0);
  expect([engine.rejections.length, engine.pendingCount, recorded(nodes).length]).toEqual([1, 0, 2]);
});

test("sync-loop: a pull that brings none of the missing records counts as a failure", async () => {
  const { nodes, engine, loop, change } = await reportedLeader("t1");
  const after = engine.replica.cursor;
  let pulls = 0;
  change("pull", () =>
    Promise.resolve(
      (pulls++,
      {
        kind: "answer" as const,
        answer: { after, records: [], cursor: after, head: 9, more: true },
        text: '{"records":[]}',
      }),
    ),
  );
  nodes.sockets.at(-1)?.events.head(9);
  await pass(10 * MINUTE);
  expect(pulls).toBeLessThan(60);
  expect(pulls).toBeGreaterThan(2);
  expect(syncSummary(loop.state)).toMatchObject({ activity: "offline" });
});

test("sync-loop: a commit that is too large for the server is rejected, and others arrive", async () => {
  const { nodes, engine, change, make, loop } = await reportedLeader("t1");
  const tooLarge = new ProtocolError({ ...facts, details: { code: "too-large" } }, "later");
  const sizes: number[] = [];
  let large = "";
  change("push", (own, after, version, commits, call) => {
    sizes.push(commits.length);
    return commits.some(({ id }) => id === large) ? Promise.reject(tooLarge) : own(after, version, commits, call);
  });
  const ids = ["a1", "a2", "a3", "a4", "a5", "a6"].map((id) => task.command.add(id, { title: id, column: "todo" }));
  const made = await Promise.all(ids.map((command) => engine.execute([command], null)));
  large = made[2] ?? "";
  loop.wake();
  await pass(MINUTE);
  expect(sizes[0]).toBe(6);
  expect(recorded(nodes).slice(1)).toEqual(made.filter((id) => id !== large));
  expect(engine.rejections.map(({ commit, outcome }) => [commit.id, outcome.code])).toEqual([[large, "too-large"]]);
  expect(engine.pendingCount).toBe(0);
  await make("t9");
  await pass(MINUTE);
  expect(recorded(nodes)).toHaveLength(7);
});

test("sync-loop: reads the limits before a large push, and sends it plainly if gzip is refused", async () => {
  const { nodes, engine, change, loop } = await reportedLeader("t1");
  let infos = 0;
  change("info", () =>
    Promise.resolve(
      (infos++,
      {
        kind: "answer" as const,
        answer: { protocol: 1, cursor: null, head: 1, domain: 1, limits: LIMITS, encodings: ["gzip"] },
        text: "",
      }),
    ),
  );
  const packed: (boolean | undefined)[] = [];
  const unsupported = new ProtocolError({ ...facts, details: { code: "unsupported-media-type", status: 415 } });
  change("push", (own, after, version, commits, call) => {
    packed.push(call?.gzip);
    return call?.gzip ? Promise.reject(unsupported) : own(after, version, commits, call);
  });
  const title = "x".repeat(190);
  await Promise.all(
    Array.from({ length: 120 }, (_, n) => engine.execute([task.command.add(`l${n}`, { title, column: "todo" })], null)),
  );
  loop.wake();
  await pass(10_000);
  expect(infos).toBe(1);
  expect(packed[0]).toBe(true);
  expect(new Set(packed.slice(1))).toEqual(new Set([false]));
  expect([recorded(nodes).length, engine.pendingCount]).toEqual([121, 0]);
  change("push", () => Promise.reject(unsupported));
  await engine.execute([task.command.add("last", { title, column: "todo" })], null);
  loop.wake();
  await pass(MINUTE);
  expect(syncSummary(loop.state)).toMatchObject({ activity: "stopped", error: { code: "protocol" } });
});

test("sync-loop: no limits are read if the log was deleted", async () => {
  const { engine, change, loop } = await reportedLeader("t1");
  change("info", () => Promise.resolve({ kind: "gone" as const }));
  const title = "x".repeat(190);
  await Promise.all(
    Array.from({ length: 120 }, (_, n) => engine.execute([task.command.add(`l${n}`, { title, column: "todo" })], null)),
  );
  loop.wake();
  await pass(MINUTE);
  expect(syncSummary(loop.state)).toMatchObject({ activity: "stopped", error: { code: "gone" } });
  expect(engine.pendingCount).toBe(120);
});

test("sync-loop: sends a commit that does not get through again, alone and at its time", async () => {
  const { nodes, engine, change, make } = await reportedLeader("t1");
  let bad: readonly string[] = [];
  change("push", (own, after, version, commits, call) => {
    if (!commits.some(({ id }) => bad.includes(id))) return own(after, version, commits, call);
    tried.push(commits.map(({ id }) => id));
    return Promise.reject(new UnreachableError("Blocked", null));
  });
  const tried: string[][] = [];
  bad = await make("bad");
  await pass(3 * MINUTE);
  const others = await make("a1", "a2");
  await pass(10 * MINUTE);
  expect(new Set(tried.flat())).toEqual(new Set(bad));
  expect(tried.length).toBeGreaterThan(4);
  expect(tried.length).toBeLessThan(40);
  expect([recorded(nodes).length, engine.pendingCount]).toEqual([1, 3]);
  const late = tried.length;
  bad = [];
  await pass(10 * MINUTE);
  expect([tried.length, engine.pendingCount]).toEqual([late, 0]);
  expect(new Set(recorded(nodes))).toEqual(new Set([...recorded(nodes), ...others]));
});

test("sync-loop: with whenStuck skip, other commits pass two commits that do not get through", async () => {
  const { nodes, engine, change, make } = await leader("skip");
  const tried = new Map<string, number[]>();
  let bad = new Set<string>();
  change("push", (own, after, version, commits, call) => {
    const found = commits.filter(({ id }) => bad.has(id));
    if (found.length === 0) return own(after, version, commits, call);
    if (commits.length === 1) for (const { id } of found) tried.set(id, [...(tried.get(id) ?? []), Date.now()]);
    return Promise.reject(new UnreachableError("Blocked", null));
  });
  const [one = ""] = await make("b1");
  bad = new Set([one]);
  await pass(5 * MINUTE);
  const [two = ""] = await make("b2");
  bad = new Set([one, two]);
  await pass(5 * MINUTE);
  const [fine] = await make("a1");
  await pass(100);
  expect(recorded(nodes)).toEqual([fine]);
  // The second is tried again soon, although the first already waits long between its tries.
  const [first = 0, ...others] = tried.get(two) ?? [];
  expect(others.filter((time) => time - first < 20_000).length).toBeGreaterThan(3);
  const counts = [one, two].map((id) => tried.get(id)?.length ?? 0);
  await pass(20 * MINUTE);
  for (const [index, id] of [one, two].entries()) {
    const tries = (tried.get(id)?.length ?? 0) - (counts[index] ?? 0);
    expect(tries).toBeGreaterThan(2);
    expect(tries).toBeLessThan(60);
  }
  expect(engine.pendingCount).toBe(2);
  bad = new Set();
  await pass(10 * MINUTE);
  expect(engine.pendingCount).toBe(0);
});

test("sync-loop: a push that fails for another reason keeps gzip on", async () => {
  const { engine, change, loop } = await reportedLeader("t1");
  const info = { protocol: 1, cursor: null, head: 1, domain: 1, limits: LIMITS, encodings: ["gzip"] };
  change("info", () => Promise.resolve({ kind: "answer" as const, answer: info, text: "" }));
  const packed: (boolean | undefined)[] = [];
  change("push", (own, after, version, commits, call) => {
    packed.push(call?.gzip);
    if (packed.length < 3) return Promise.reject(new UnreachableError("Lost", null));
    return own(after, version, commits, call);
  });
  const title = "x".repeat(190);
  await Promise.all(
    Array.from({ length: 120 }, (_, n) => engine.execute([task.command.add(`l${n}`, { title, column: "todo" })], null)),
  );
  loop.wake();
  await pass(MINUTE);
  expect(packed.length).toBeGreaterThan(2);
  expect(new Set(packed)).toEqual(new Set([true]));
  expect(engine.pendingCount).toBe(0);
});

test("sync-loop: a server that has no time for pushes does not delay reading", async () => {
  const { nodes, engine, change, make } = await reportedLeader("t1");
  const busy = new UnreachableError("Busy", 5 * MINUTE, undefined, { code: "overloaded" });
  change("push", () => Promise.reject(busy));
  await make("t2");
  await pass(1_000);
  nodes.append(foreignCommit("b1"));
  nodes.sockets.at(-1)?.events.head(2);
  await pass(1_000);
  expect([engine.replica.cursor?.position, engine.pendingCount]).toEqual([2, 1]);
});

test("sync-loop: a commit that a gateway answers with a web page is found, and pulls continue", async () => {
  const { loop, change, make } = await reportedLeader("t1");
  change("push", () => Promise.reject(new SignInPageError(200)));
  const made = await make("t2");
  await pass(5 * MINUTE);
  expect(loop.state.push.stuck.map(({ id }) => id)).toEqual(made);
  expect(syncSummary(loop.state)).toMatchObject({ activity: "fresh" });
});
