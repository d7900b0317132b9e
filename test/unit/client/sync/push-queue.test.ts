import { expect, test } from "vitest";
import { firstCallSize } from "../../../../src/client/sync/call-size.ts";
import { planPush, type PushFacts } from "../../../../src/client/sync/plan-push.ts";
import { pushBatch, queueOf } from "../../../../src/client/sync/push-queue.ts";
import { initialPushState, type StuckPush } from "../../../../src/client/sync/push-state.ts";
import { initialSyncState } from "../../../../src/client/sync/sync-state.ts";
import type { Commit } from "../../../../src/core/history/commit.ts";

const error = { code: "unreachable" as const, message: "", fix: "", retry: "later" as const, details: {} };
const stuck = (id: string): StuckPush => ({ id, since: 0, failures: 3, notBefore: 0, error });
/** A commit with one command on its first stream, which reads the others. */
const entry = (id: string, stream: string, ...reads: readonly string[]): { readonly commit: Commit } => ({
  commit: {
    id,
    client: "",
    actor: "ada",
    time: 0,
    meta: null,
    commands: [
      { stream, seen: 0, reads: reads.map((read) => ({ stream: read, seen: 0 })), name: "x", v: 1, events: [] },
    ],
  },
});
const ids = (entries: readonly { readonly commit: Commit }[]) => entries.map(({ commit }) => commit.id);

test("queueOf: without a stuck commit, all pending commits may be sent", () => {
  const pending = [entry("a", "s/1"), entry("b", "s/1")];
  for (const how of ["wait", "skip"] as const)
    expect(queueOf(pending, [], how)).toEqual({ sendable: pending, stuck: [] });
});

test("queueOf: with wait, every commit behind a stuck commit waits, and those before it do not", () => {
  const pending = [entry("a", "s/1"), entry("b", "s/2"), entry("c", "s/3")];
  const queue = queueOf(pending, [stuck("b")], "wait");
  expect(ids(queue.sendable)).toEqual(["a"]);
  expect(queueOf(pending.slice(1), [stuck("b")], "wait")).toEqual({ sendable: [], stuck: [stuck("b")] });
});

test("queueOf: a stuck commit waits for older commits that a restored server needs again", () => {
  const pending = [entry("a", "s/1"), entry("b", "s/1"), entry("c", "s/2")];
  expect(queueOf(pending, [stuck("b")], "wait").stuck).toEqual([]);
  expect(queueOf(pending, [stuck("b"), stuck("c")], "skip").stuck).toEqual([stuck("c")]);
  expect(queueOf(pending, [stuck("a"), stuck("b")], "skip").stuck).toEqual([stuck("a")]);
  expect(ids(queueOf(pending, [stuck("b")], "wait").sendable)).toEqual(["a"]);
});

test("planPush: stuck commits that are due take turns, and hold no other commit back", () => {
  const pending = [entry("a", "s/1"), entry("b", "s/2"), entry("c", "s/3"), entry("d", "s/4")];
  const plan = (facts: Partial<PushFacts>, notBefore = 0) => {
    const known = [
      { ...stuck("a"), notBefore: 70 },
      { ...stuck("b"), notBefore: 60 },
    ];
    const state = { ...initialSyncState, push: { ...initialPushState, notBefore, stuck: known } };
    const { commits } = planPush(state, { pending, cursor: null, now: 100, whenStuck: "skip", ...facts });
    return commits.map(({ id }) => id);
  };
  expect(plan({})).toEqual(["c", "d"]);
  expect(plan({}, 101)).toEqual(["b"]);
  expect(plan({ pending: pending.slice(0, 2) })).toEqual(["b"]);
  expect(plan({ pending: pending.slice(0, 1) })).toEqual(["a"]);
});

test("queueOf: with skip, only commits that share a stream wait, and those behind them", () => {
  const pending = [
    entry("a", "s/1"),
    entry("stuck", "s/2", "s/3"),
    entry("writes what it read", "s/3"),
    entry("free", "s/4"),
    entry("reads what it wrote", "s/5", "s/2"),
    entry("behind one that waits", "s/6", "s/5"),
    entry("also free", "s/7", "s/4"),
  ];
  expect(ids(queueOf(pending, [stuck("stuck")], "skip").sendable)).toEqual(["a", "free", "also free"]);
});

test("queueOf: a stuck commit that was withdrawn or settled holds nothing back", () => {
  const pending = [entry("b", "s/1"), entry("c", "s/1")];
  expect(queueOf(pending, [stuck("a")], "wait")).toEqual({ sendable: pending, stuck: [] });
});

test("pushBatch: takes at least one commit, and at most the number that it is given", () => {
  const pending = [entry("a", "s/1"), entry("b", "s/2"), entry("c", "s/3")];
  expect(ids(pending).slice(0, 2)).toEqual(pushBatch(pending, 2, firstCallSize).commits.map(({ id }) => id));
  const huge = [entry("a", `s/${"x".repeat(800_000)}`), entry("b", "s/2")];
  expect(pushBatch(huge, 500, firstCallSize).commits).toHaveLength(1);
  expect(pushBatch(pending, 500, { ...firstCallSize, pushCommitsMax: 2 }).commits).toHaveLength(2);
});

test("pushBatch: counts bytes in UTF-8 up to the size of the link and the limit of the server", () => {
  const pending = ["a", "b", "c"].map((id) => entry(id, `s/${"语".repeat(1_000)}`));
  const { bytes } = pushBatch(pending, 1, firstCallSize);
  expect(bytes).toBeGreaterThan(3_000);
  for (const size of [
    { ...firstCallSize, pushBytes: bytes * 2 },
    { ...firstCallSize, pushBytesMax: bytes * 2 },
  ])
    expect(pushBatch(pending, 500, size)).toMatchObject({ bytes: bytes * 2, commits: [{ id: "a" }, { id: "b" }] });
});
