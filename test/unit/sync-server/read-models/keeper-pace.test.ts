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

const work = { ms: 10, events: 500, size: 1_000_000, head: 1_000 };

test("pace: while pushes wait, a long fold works a fifth of the time", () => {
  let now = 1_000;
  const pace = new KeeperPace(
    () => now,
    () => true,
  );
  pace.folded("log", stepOf(true), work);
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
  pace.folded("log", stepOf(true), work);
  expect(pace.factsOf("log").isResting).toBe(false);
  pace.folded("log", stepOf(true, 0.1), work);
  expect(pace.restUntil("log")).toBeCloseTo(1_090);
});

test("pace: a clock that jumps back or forward by an hour makes no rest of hours", () => {
  let now = 10_000_000;
  const pace = new KeeperPace(
    () => now,
    () => true,
  );
  pace.folded("log", stepOf(true), work);
  now -= 3_600_000;
  expect(pace.factsOf("log").isResting).toBe(false);
  pace.folded("log", stepOf(true, 0.1), { ...work, ms: 3_600_000 });
  expect(pace.restUntil("log")).toBe(now + 90_000);
  pace.folded("log", stepOf(true, 0.1), { ...work, ms: -3_600_000 });
  expect(pace.restUntil("log")).toBeCloseTo(now + 9);
});

test("pace: after a short fold a long one has its turn, and a log without work is forgotten", () => {
  const pace = new KeeperPace(
    () => 1_000,
    () => true,
  );
  pace.folded("log", stepOf(false), work);
  expect(pace.factsOf("log")).toMatchObject({ isResting: false, isTurnOfLong: true });
  pace.folded("log", stepOf(true), work);
  expect(pace.factsOf("log")).toMatchObject({ isResting: true, isTurnOfLong: false });
  pace.folded("log", stepOf(false), work);
  expect(pace.factsOf("log")).toMatchObject({ isResting: true, isTurnOfLong: true });
  pace.forget("log");
  expect(pace.factsOf("log")).toMatchObject({ isResting: false, isTurnOfLong: false });
});

/** Builds 20,000 events while the log grows. Returns the share of its work in the time. Null: it never ends. */
function build(options: { pageMs: number; eventsPerSecond: number; duty: number | null }): number | null {
  const { pageMs, eventsPerSecond, duty } = options;
  let now = 1_000;
  const pace = new KeeperPace(
    () => now,
    () => true,
  );
  const headAt = (time: number): number => 20_000 + Math.floor(((time - 1_000) * eventsPerSecond) / 1_000);
  let [at, worked] = [0, 0];
  while (at < headAt(now)) {
    const head = headAt(now);
    if (now > 1_000_000) return null;
    now += pageMs;
    worked += pageMs;
    at += 500;
    pace.folded("log", stepOf(true, duty), { ms: pageMs, events: 500, size: 1_000_000, head });
    now = Math.max(now, pace.restUntil("log"));
  }
  return worked / (now - 1_000);
}

test("pace: new rows come nearer to the head on a slow machine, however busy the log is", () => {
  expect(build({ pageMs: 10, eventsPerSecond: 1_100, duty: null })).toBeCloseTo(0.2, 1);
  // With a fifth of the time, these pages fold 500 events a second.
  expect(build({ pageMs: 200, eventsPerSecond: 1_100, duty: null })).toBeGreaterThan(0.5);
  expect(build({ pageMs: 200, eventsPerSecond: 2_400, duty: null })).toBeGreaterThan(0.9);
  // An operator chose this share.
  expect(build({ pageMs: 200, eventsPerSecond: 1_100, duty: 0.2 })).toBeNull();
});

test("pace: pages have few events at first and after large writes, and more after small ones", () => {
  const pace = new KeeperPace(
    () => 1_000,
    () => false,
  );
  expect(pace.pageEvents("log")).toBe(16);
  for (let n = 0; n < 5; n++) pace.folded("log", stepOf(true), work);
  expect(pace.pageEvents("log")).toBe(500);
  pace.folded("log", stepOf(true), { ...work, events: 8, size: 8 * 1024 * 1024 });
  expect(pace.pageEvents("log")).toBe(4);
  pace.folded("log", stepOf(false), { ...work, events: 4, size: 1_000 });
  expect(pace.pageEvents("log")).toBe(8);
});
