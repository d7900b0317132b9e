import { expect, test } from "vitest";
import { KeeperPace } from "../../../../src/sync-server/read-models/keeper-pace.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { emptyNotes } from "../../../../src/sync-server/read-models/follower-notes.ts";
import { newJob } from "../../../../src/sync-server/read-models/job.ts";
import { readModels } from "../../../../src/sync-server/read-models/read-model.ts";
import { board, domain } from "../../../support/board-domain.ts";

const [model] = [...readModels(domain.definition, [board], memory()).values()];

function stepOf(isLong: boolean, duty: number | null = null) {
  if (!model) throw new Error("There is no model");
  const notes = emptyNotes(1, 0, newJob("j", { onError: "park", duty }));
  const tasks = [{ model, name: model.beside, revision: 1, at: null, notes }];
  return { kind: "fold", at: null, isLong, tasks } as const;
}

test("pace: while pushes wait, a long fold works a fifth of the time", () => {
  let now = 1_000;
  const pace = new KeeperPace(
    () => now,
    () => true,
  );
  pace.folded("log", stepOf(true), 10);
  expect(pace.restUntil("log")).toBe(1_040);
  expect(pace.factsOf("log").isResting).toBe(true);
  expect(pace.factsOf("other").isResting).toBe(false);
  now = 1_040;
  expect(pace.factsOf("log").isResting).toBe(false);
});

test("pace: without pushes a long fold does not rest, except with a duty of its own", () => {
  const pace = new KeeperPace(
    () => 1_000,
    () => false,
  );
  pace.folded("log", stepOf(true), 10);
  expect(pace.factsOf("log").isResting).toBe(false);
  pace.folded("log", stepOf(true, 0.1), 10);
  expect(pace.restUntil("log")).toBeCloseTo(1_090);
});

test("pace: after a short fold a long one has its turn, and a log without work is forgotten", () => {
  const pace = new KeeperPace(
    () => 1_000,
    () => true,
  );
  pace.folded("log", stepOf(false), 10);
  expect(pace.factsOf("log")).toMatchObject({ isResting: false, isTurnOfLong: true });
  pace.folded("log", stepOf(true), 10);
  expect(pace.factsOf("log")).toMatchObject({ isResting: true, isTurnOfLong: false });
  pace.folded("log", stepOf(false), 10);
  expect(pace.factsOf("log")).toMatchObject({ isResting: true, isTurnOfLong: true });
  pace.forget("log");
  expect(pace.factsOf("log")).toMatchObject({ isResting: false, isTurnOfLong: false });
});
