import { describe, expect, test } from "vitest";
import { firstCallSize } from "../../../../src/client/sync/call-size.ts";
import { planPush, type PushFacts } from "../../../../src/client/sync/plan-push.ts";
import {
  type Behind,
  behindNow,
  joinRecorded,
  pushBatch,
  queueOf,
  unsent,
} from "../../../../src/client/sync/push-queue.ts";
import { initialPushState, type StuckPush } from "../../../../src/client/sync/push-state.ts";
import { initialSyncState } from "../../../../src/client/sync/sync-state.ts";
import type { Commit } from "../../../../src/core/history/commit.ts";
import type { Outcome } from "../../../../src/core/wire/messages.ts";

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

test("pushBatch: a push may be exactly as large as the limit, and not a byte larger", () => {
  const pending = ["a", "b"].map((id) => entry(id, "s/1"));
  const { bytes } = pushBatch(pending, 500, firstCallSize);
  expect(bytes).toBe(2 * (JSON.stringify(pending[0]?.commit).length + 1));
  const commits = (pushBytes: number) => pushBatch(pending, 500, { ...firstCallSize, pushBytes }).commits.length;
  expect([commits(bytes), commits(bytes - 1)]).toEqual([2, 1]);
});

describe("joinRecorded: commits that the server recorded behind this log", () => {
  const at = (position: number) => ({ position, mark: `m${position}` });
  const recorded = (id: string, position: number): Outcome => ({ id, outcome: "recorded", at: at(position) });
  const join = (before: Behind | null, outcomes: readonly Outcome[], { head = 20, position = 5 } = {}) => {
    const batch = pushBatch([entry("a", "s/1"), entry("b", "s/2"), entry("c", "s/3")], 500, firstCallSize);
    const answer = { after: null, records: [], cursor: null, head, more: false, outcomes };
    return joinRecorded(before, batch, answer, at(position));
  };

  test("joinRecorded: takes sent commits behind the cursor, and the last of their positions", () => {
    expect(join(null, [recorded("a", 9), recorded("b", 12), recorded("c", 11)])).toEqual({
      ids: ["a", "b", "c"],
      at: at(12),
      pullNext: true,
    });
  });

  test("joinRecorded: takes positions behind the cursor and up to the head only", () => {
    const ids = [5, 6, 20, 21].map((position) => join(null, [recorded("a", position)])?.ids ?? null);
    expect(ids).toEqual([null, ["a"], ["a"], null]);
  });

  test("joinRecorded: ignores other outcomes, and commits that were not sent", () => {
    const rejected: Outcome = { id: "a", outcome: "rejected", command: 0, code: "no", message: "no" };
    expect(join(null, [rejected, { id: "b", outcome: "empty" }, recorded("x", 9)])).toBe(null);
  });

  test("joinRecorded: adds to the commits that were behind already, and it is the turn of a pull", () => {
    const before: Behind = { ids: ["z"], at: at(12), pullNext: false };
    expect(join(before, [])).toEqual({ ...before, pullNext: true });
    expect(join(before, [recorded("a", 9)])).toEqual({ ids: ["z", "a"], at: at(12), pullNext: true });
    expect(join(before, [recorded("a", 15)])).toEqual({ ids: ["z", "a"], at: at(15), pullNext: true });
  });

  test("behindNow, unsent: recorded commits are not sent until the log reaches the last of them", () => {
    const behind: Behind = { ids: ["a"], at: at(12), pullNext: true };
    expect([11, 12, 13].map((position) => behindNow(behind, at(position)))).toEqual([behind, null, null]);
    expect([behindNow(behind, null), behindNow(null, at(1))]).toEqual([behind, null]);
    const pending = [entry("a", "s/1"), entry("b", "s/2")];
    expect([ids(unsent(pending, behind)), unsent(pending, null)]).toEqual([["b"], pending]);
  });
});

describe("planPush: what goes with the commits", () => {
  const cursor = { position: 10, mark: "m10" };
  const plan = (head: number, behind: Behind | null) =>
    planPush(
      { ...initialSyncState, head, behind },
      { pending: [entry("a", "s/1"), entry("b", "s/2")], cursor, now: 0, whenStuck: "wait" },
    );

  test("planPush: wants records only if this log is at the server's end", () => {
    expect([9, 10, 11].map((head) => plan(head, null).wantsRecords)).toEqual([true, true, false]);
    expect(plan(10, null)).toMatchObject({ after: cursor, behind: null, commits: [{ id: "a" }, { id: "b" }] });
  });

  test("planPush: after recorded commits, the server checks their mark and sends no records", () => {
    const behind: Behind = { ids: ["a"], at: { position: 12, mark: "m12" }, pullNext: false };
    expect(plan(10, behind)).toMatchObject({ after: behind.at, behind, wantsRecords: false, commits: [{ id: "b" }] });
    expect(plan(10, { ...behind, at: cursor })).toMatchObject({ after: cursor, behind: null, wantsRecords: true });
  });

  test("planPush: a stuck commit is due at its time, and not a moment earlier or later", () => {
    const push = { ...initialPushState, stuck: [{ ...stuck("a"), notBefore: 50 }] };
    const sent = (now: number, notBefore: number, pending = [entry("a", "s/1"), entry("b", "s/2")]) =>
      planPush(
        { ...initialSyncState, push: { ...push, notBefore } },
        { pending, cursor, now, whenStuck: "skip" },
      ).commits.map(({ id }) => id);
    expect([sent(49, 60), sent(50, 60), sent(60, 60)]).toEqual([["b"], ["a"], ["b"]]);
    const alone = [entry("a", "s/1")];
    expect([sent(49, 0, alone), sent(50, 0, alone)]).toEqual([[], ["a"]]);
  });
});
