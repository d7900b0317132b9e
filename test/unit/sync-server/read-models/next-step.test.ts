import { expect, test } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { Follower } from "../../../../src/sync-server/stores/model-store.ts";
import { type JobState, newJob } from "../../../../src/sync-server/read-models/job.ts";
import { type FollowerNotes, notesText } from "../../../../src/sync-server/read-models/follower-notes.ts";
import {
  type KeeperFacts,
  LONG_EVENTS,
  nextStep,
  OLD_ROWS_MS,
} from "../../../../src/sync-server/read-models/next-step.ts";
import { readModels } from "../../../../src/sync-server/read-models/read-model.ts";
import { board, columnCounts, domain } from "../../../support/board-domain.ts";

const models = [...readModels(domain.definition, [board, columnCounts], memory()).values()];
const [boardModel, countsModel] = models;
const at = (position: number): Cursor => ({ position, mark: `m${position}` });

const notes: FollowerNotes = { phase: "ready", domain: 1, movedAt: 0, parkedCount: 0, parked: [], hasUnknown: false };
const follower = (name: string, cursor: Cursor | null, some: Partial<FollowerNotes> = {}): Follower => ({
  name,
  revision: 3,
  at: cursor,
  wake: null,
  text: notesText({ ...notes, ...some }),
});
const boardAt = (cursor: Cursor | null, some: Partial<FollowerNotes> = {}) =>
  follower("rows/board@1<task@1", cursor, some);
const countsAt = (cursor: Cursor | null) => follower("rows/column-counts@1<task@1", cursor);
const step = (facts: Partial<KeeperFacts>) =>
  nextStep({ models, followers: [], head: at(9), now: 0, skipped: new Set(), hasOrphans: false, ...facts });
const folds = (facts: Partial<KeeperFacts>) => {
  const next = step(facts);
  return next.kind === "fold"
    ? { at: next.at, tasks: next.tasks.map(({ model, revision }) => `${model.name} ${revision}`), isLong: next.isLong }
    : next.kind;
};

test("nextStep: folds missing models together from the beginning", () => {
  expect(folds({})).toEqual({ at: null, tasks: ["board 0", "column-counts 0"], isLong: false });
});

test("nextStep: folds the model that is furthest behind, and models with one cursor together", () => {
  expect(folds({ followers: [boardAt(at(5)), countsAt(at(3))] })).toEqual({
    at: at(3),
    tasks: ["column-counts 3"],
    isLong: false,
  });
  expect(folds({ followers: [boardAt(at(5)), countsAt(at(5))] })).toMatchObject({
    tasks: ["board 3", "column-counts 3"],
  });
});

test("nextStep: sleeps if all models are at the head, and in a log without records", () => {
  expect(folds({ followers: [boardAt(at(9)), countsAt(at(9))] })).toBe("sleep");
  expect(folds({ head: null })).toBe("sleep");
});

test("nextStep: a fold of many events is long, so that it takes a lease", () => {
  const head = at(LONG_EVENTS + 1);
  expect(folds({ head })).toMatchObject({ isLong: true });
  expect(folds({ head, followers: [boardAt(at(1)), countsAt(head)] })).toMatchObject({ isLong: false });
});

const job = newJob("j", { onError: "park", duty: null });
const besideAt = (cursor: Cursor | null, some: Partial<FollowerNotes> = {}) =>
  follower("beside/board@1<task@1", cursor, { job, ...some });
const names = (facts: Partial<KeeperFacts>) => {
  const next = step(facts);
  return next.kind === "fold" ? next.tasks.map(({ name }) => name) : next.kind;
};

test("nextStep: new rows that a job builds are not built twice, until it stops or ends", () => {
  const building = [boardAt(at(2), { phase: "building" }), countsAt(at(9))];
  const withState = (state: JobState) =>
    names({ followers: [...building, besideAt(at(1), { job: { ...job, isFirst: true, state } })] });
  expect(withState("running")).toEqual(["beside/board@1<task@1"]);
  expect(withState("paused")).toBe("sleep");
  for (const state of ["stopped", "cancelled", "done"] as const)
    expect(withState(state)).toEqual(["rows/board@1<task@1"]);
  const missing = { followers: [countsAt(at(9)), besideAt(at(1), { job: { ...job, isFirst: true } })] };
  expect(names(missing)).toEqual(["beside/board@1<task@1"]);
});

test("nextStep: rows that a restore began again do not wait for a rebuild that is paused", () => {
  const restored = [boardAt(null, { phase: "building" }), countsAt(at(9))];
  const paused = besideAt(at(1), { job: { ...job, state: "paused" } });
  expect(names({ followers: [...restored, paused] })).toEqual(["rows/board@1<task@1"]);
});

test("nextStep: a job beside is folded until it ends, also at the head", () => {
  const live = [boardAt(at(9)), countsAt(at(9))];
  expect(names({ followers: [...live, besideAt(null)] })).toEqual(["beside/board@1<task@1"]);
  expect(step({ followers: [...live, besideAt(at(9))] })).toMatchObject({
    kind: "fold",
    tasks: [{ name: "beside/board@1<task@1", replaces: { revision: 3, at: at(9) } }],
  });
  for (const state of ["paused", "stopped", "done", "cancelled"] as const)
    expect(names({ followers: [...live, besideAt(at(4), { job: { ...job, state } })] })).toBe("sleep");
});

test("nextStep: rows wait for a replacement that is near the head, at most 5 seconds", () => {
  const head = at(400);
  const followers = [boardAt(at(399)), countsAt(at(400)), besideAt(at(300), { movedAt: 10_000 })];
  expect(names({ followers, head, now: 14_000 })).toEqual(["beside/board@1<task@1"]);
  // Here the job does not move any more, so that the rows follow the log again.
  const skipped = new Set(["beside/board@1<task@1"]);
  expect(names({ followers, head, now: 14_000, skipped })).toBe("sleep");
  expect(names({ followers, head, now: 15_001, skipped })).toEqual(["rows/board@1<task@1"]);
});

test("nextStep: rows and their replacement at one cursor are not in one write", () => {
  const followers = [boardAt(at(5)), countsAt(at(5)), besideAt(at(5))];
  expect(names({ followers, now: 90_000 })).toEqual(["beside/board@1<task@1", "rows/column-counts@1<task@1"]);
});

test("nextStep: short folds come first, a long one gets its turn, and rests while it must", () => {
  const head = at(5_000);
  const followers = [boardAt(at(4_999)), countsAt(head), besideAt(at(500))];
  expect(names({ followers, head })).toEqual(["rows/board@1<task@1"]);
  expect(names({ followers, head, isTurnOfLong: true })).toEqual(["beside/board@1<task@1"]);
  expect(names({ followers, head, isTurnOfLong: true, isResting: true })).toEqual(["rows/board@1<task@1"]);
  expect(names({ followers: [boardAt(head), countsAt(head), besideAt(at(500))], head, isResting: true })).toBe("rest");
});

test("nextStep: a model that is skipped holds up no other model", () => {
  const skipped = new Set([boardModel?.follower ?? ""]);
  expect(folds({ skipped })).toMatchObject({ tasks: ["column-counts 0"] });
  expect(folds({ skipped: new Set([...skipped, countsModel?.follower ?? ""]) })).toBe("sleep");
});

test("nextStep: rows that lack unknown events are built again by newer code only", () => {
  const counts = countsAt(at(9));
  expect(folds({ followers: [boardAt(at(9), { hasUnknown: true, domain: 1 }), counts] })).toBe("sleep");
  expect(step({ followers: [boardAt(at(9), { hasUnknown: true, domain: 0 }), counts] })).toMatchObject({
    kind: "fold",
    at: null,
    tasks: [{ revision: 3, notes: null }],
  });
});

test("nextStep: a job that lacks unknown events begins again by newer code only", () => {
  const live = [boardAt(at(9)), countsAt(at(9))];
  const comparison = { rows: 5, to: "task/t5", differences: [], more: false };
  for (const one of [job, { ...job, comparison }]) {
    const lacks = (domain: number) => [...live, besideAt(at(4), { job: one, hasUnknown: true, domain })];
    expect(step({ followers: lacks(1) })).toMatchObject(
      one === job ? { kind: "fold", at: at(4) } : { kind: "compare" },
    );
    const again = step({ followers: lacks(0) });
    expect(again).toMatchObject({
      kind: "fold",
      at: null,
      tasks: [{ revision: 3, beginsAgain: true, notes: { parkedCount: 0, hasUnknown: false, job: { id: "j" } } }],
    });
    expect(JSON.stringify(again)).not.toContain("task/t5");
  }
});

test("nextStep: rows beside are compared if they lack few events, and folded if they lack many", () => {
  const comparison = { rows: 0, to: null, differences: [], more: false };
  const followers = [boardAt(at(900)), countsAt(at(900)), besideAt(at(400), { job: { ...job, comparison } })];
  expect(step({ followers, head: at(900) })).toMatchObject({ kind: "compare", task: { at: at(400) } });
  // After a comparison, rows that are behind have their turn.
  expect(names({ followers, head: at(901), isTurnOfFold: true })).toEqual([
    "rows/board@1<task@1",
    "rows/column-counts@1<task@1",
  ]);
  const far = [boardAt(at(901)), countsAt(at(901)), besideAt(at(400), { job: { ...job, comparison } })];
  expect(names({ followers: far, head: at(901) })).toEqual(["beside/board@1<task@1"]);
});

test("nextStep: a job of a history that a restore removed is read, so that it begins again", () => {
  const comparison = { rows: 0, to: null, differences: [], more: false };
  const followers = [boardAt(at(9)), countsAt(at(9)), besideAt(at(12), { job: { ...job, comparison } })];
  expect(names({ followers })).toEqual(["beside/board@1<task@1"]);
  expect(names({ followers, head: at(12) })).toEqual(["rows/board@1<task@1", "rows/column-counts@1<task@1"]);
});

test("nextStep: a follower whose text is damaged is built again", () => {
  const damaged = { ...boardAt(at(9)), text: "{" };
  expect(folds({ followers: [damaged, countsAt(at(9))] })).toEqual({ at: null, tasks: ["board 3"], isLong: false });
});

test("nextStep: removes rows of another version a day after their last move, and sweeps", () => {
  const followers = [boardAt(at(9)), countsAt(at(9)), follower("rows/board@7<task@1", at(4), { movedAt: 1_000 })];
  expect(folds({ followers, now: 999 + OLD_ROWS_MS })).toBe("sleep");
  expect(step({ followers, now: 1_000 + OLD_ROWS_MS })).toMatchObject({
    kind: "remove",
    followers: [{ name: "rows/board@7<task@1" }],
  });
  const ownAt = (some: Partial<FollowerNotes>) => [boardAt(at(9), some), ...followers.slice(1)];
  const isLater = { now: 1_000 + OLD_ROWS_MS };
  // A release may begin in a log that got no commit for days. The older one still serves its rows.
  expect(folds({ followers: ownAt({ readyAt: 2_000 }), ...isLater })).toBe("sleep");
  expect(folds({ followers: ownAt({ readyAt: 2_000 }), now: 2_000 + OLD_ROWS_MS })).toBe("remove");
  expect(folds({ followers: ownAt({ phase: "purged" }), ...isLater })).toBe("sleep");
  const earlier = follower("rows/board@6<task@1", at(4), { movedAt: 900 });
  expect(step({ followers: [...ownAt({ readyAt: 2_000 }), earlier], ...isLater })).toMatchObject({
    kind: "remove",
    followers: [{ name: "rows/board@6<task@1" }],
  });
  const foreign = [boardAt(at(9)), countsAt(at(9)), follower("rows/other@1<task@1", at(4))];
  expect(folds({ followers: foreign, now: 2 * OLD_ROWS_MS })).toBe("sleep");
  expect(folds({ followers: [boardAt(at(9)), countsAt(at(9))], hasOrphans: true })).toBe("sweep");
});

test("nextStep: folds a model that is ahead of a restored log, or has another mark", () => {
  for (const cursor of [at(12), { position: 9, mark: "other" }])
    expect(folds({ followers: [boardAt(cursor), countsAt(at(9))] })).toMatchObject({ at: cursor, tasks: ["board 3"] });
  expect(folds({ followers: [boardAt(at(12), { phase: "purged" }), countsAt(at(9))] })).toBe("sleep");
});
