// An answer of the server changes only what belongs to it on a device.
import { expect, test } from "vitest";
import { planConfirmation, rejectionAnswer } from "../../../../src/client/engine/plan-confirmation.ts";
import type { Cursor } from "../../../../src/core/history/record.ts";
import type { RejectionEntry } from "../../../../src/client/stores/log-store.ts";
import { entryOf, recordsBehind } from "../../../../src/testing/log-store/fixtures.ts";

const pending = { ...entryOf("a"), n: 1 };
const AT = { position: 2, mark: "m2" };
const facts = { cursor: AT, pending: [pending], rejections: [], now: 50, sentKeptMs: null, serverTime: null };

test("planConfirmation: an answer without records and outcomes for this device changes nothing", () => {
  const nothing = rejectionAnswer("another", { code: "x", message: "why" }, AT);
  expect(planConfirmation(facts, nothing)).toBeNull();
  // Records that do not follow the cursor are ignored, and a page of another device is, too.
  const records = recordsBehind(null, [1], "other");
  const stale = { after: null, records, cursor: { position: 1, mark: "other1" }, head: 1, more: false };
  expect(planConfirmation(facts, { page: stale, text: "", outcomes: [] })).toBeNull();
});

test("planConfirmation: a late answer to an older cursor settles no commit at a position", () => {
  const outcomes = [{ id: pending.commit.id, outcome: "recorded" as const, at: { position: 1, mark: "lost" } }];
  const answered = (after: Cursor | null) =>
    planConfirmation(facts, { page: { after, records: [], cursor: AT, head: 2, more: false }, text: "", outcomes });
  // The store went back before this device read its present records.
  expect(answered(null)).toBeNull();
  // The record lies before the cursor of the push: this tab confirmed it before it knew the commit. It does not matter
  // that live records moved the cursor meanwhile.
  for (const after of [{ position: 1, mark: "m1" }, AT])
    expect(answered(after)?.confirmation.settled).toMatchObject([{ n: 1, outcome: "rebased", position: 1 }]);
});

test("planConfirmation: an own rejection keeps the commit and its reason, and moves no cursor", () => {
  const plan = planConfirmation(facts, rejectionAnswer(pending.commit.id, { code: "x", message: "why" }, AT));
  expect(plan?.records).toEqual([]);
  expect(plan?.confirmation).toMatchObject({
    batch: null,
    settled: [],
    rejected: [{ n: 1, commit: pending.commit, undo: pending.undo, rejectedAt: 50 }],
    forgetSentBefore: null,
  });
  expect(plan?.confirmation.rejected[0]?.outcome).toMatchObject({ code: "x", message: "why", command: 0 });
});

test("planConfirmation: a record settles a kept rejection, and dropped inputs are kept", () => {
  const [record = expect.fail("no record")] = recordsBehind(AT, [1], "m");
  const { id, actor, client } = pending.commit;
  const own = { ...record, commit: id, actor, client };
  const cursor = { position: own.position, mark: own.mark };
  const page = { after: AT, records: [own], cursor, head: 3, more: false };
  const outcomes = [{ id, outcome: "recorded" as const, at: cursor, dropped: ["add.owner"] }];
  const settled = planConfirmation(facts, { page, text: "{}", outcomes })?.confirmation.settled;
  expect(settled).toMatchObject([
    { n: 1, outcome: "rebased", position: 3, dropped: ["add.owner"], settledAt: own.received },
  ]);
  const without = planConfirmation(facts, { page, text: "{}", outcomes: [] })?.confirmation.settled;
  expect(without?.[0]).not.toHaveProperty("dropped");

  const rejection: RejectionEntry = {
    n: 1,
    commit: pending.commit,
    undo: pending.undo,
    outcome: { id, outcome: "rejected", command: 0, code: "withdrawn", message: "why" },
    rejectedAt: 1,
  };
  const late = planConfirmation({ ...facts, pending: [], rejections: [rejection] }, { page, text: "{}", outcomes: [] });
  expect(late?.confirmation).toMatchObject({
    batch: { after: AT, cursor, text: "{}" },
    settled: [{ n: 1, outcome: "rebased", position: 3, undo: pending.undo }],
    rejected: [],
  });
});

test("planConfirmation: settled commits are kept for their time, by the clock of the server", () => {
  const records = recordsBehind(AT, [1, 1], "m").map((record, n) => ({ ...record, received: 1_000 + n }));
  const last = records.at(-1) ?? expect.fail("no record");
  const page = { after: AT, records, cursor: { position: 4, mark: last.mark }, head: 4, more: false };
  const forget = (sentKeptMs: number | null) =>
    planConfirmation({ ...facts, sentKeptMs }, { page, text: "{}", outcomes: [] })?.confirmation.forgetSentBefore;
  expect([forget(null), forget(300)]).toEqual([null, 701]);
});
