// The next step of a subscriber in a log.
import { expect, test } from "vitest";
import { nextStep, type RunnerFacts } from "../../../../src/sync-server/subscribers/next-step.ts";
import { seededRandom } from "../../../support/random.ts";

const NOW = 100_000;
const facts = (changes: Partial<RunnerFacts> = {}): RunnerFacts => ({
  now: NOW,
  isRunning: true,
  wantsPage: false,
  isIdle: true,
  canStart: false,
  isFull: false,
  nextAt: Infinity,
  hasChanges: false,
  storedAt: NOW,
  isSignalled: false,
  ...changes,
});

test("nextStep: a runner without work ends, and one with a page to read reads it", () => {
  expect(nextStep(facts())).toEqual({ kind: "end" });
  expect(nextStep(facts({ wantsPage: true, hasChanges: true }))).toEqual({ kind: "read" });
  expect(nextStep(facts({ wantsPage: true, isRunning: false }))).toEqual({ kind: "end" });
});

test("nextStep: changes are stored at the end, and each second while handlers run", () => {
  expect(nextStep(facts({ hasChanges: true, isSignalled: true }))).toEqual({ kind: "store" });
  const running = { hasChanges: true, isIdle: false };
  expect(nextStep(facts({ ...running, storedAt: NOW - 999 }))).toEqual({ kind: "wait", ms: 1_000 });
  expect(nextStep(facts({ ...running, storedAt: NOW - 1_000 }))).toEqual({ kind: "store" });
});

test("nextStep: an attempt within a second keeps the runner, and a later one ends it", () => {
  expect(nextStep(facts({ nextAt: NOW + 1_000 }))).toEqual({ kind: "wait", ms: 1_000 });
  expect(nextStep(facts({ nextAt: NOW + 1_001 }))).toEqual({ kind: "end" });
  expect(nextStep(facts({ nextAt: NOW + 1_001, isIdle: false }))).toEqual({ kind: "wait", ms: 1_001 });
});

test("nextStep: a paused runner waits for its handlers, and does not spin on an event", () => {
  const paused = { isRunning: false, canStart: true, nextAt: NOW - 1 };
  expect(nextStep(facts({ ...paused, isIdle: false }))).toEqual({ kind: "wait", ms: 5_000 });
  expect(nextStep(facts(paused))).toEqual({ kind: "end" });
});

test("nextStep: no wait outlasts the lease, no signal is lost, no change is left at the end", () => {
  const random = seededRandom(1);
  const bit = (): boolean => random.below(2) === 0;
  const wrong: unknown[] = [];
  for (let n = 0; n < 5_000; n++) {
    const given = facts({
      isRunning: bit(),
      wantsPage: bit(),
      isIdle: bit(),
      canStart: bit(),
      isFull: bit(),
      nextAt: bit() ? Infinity : NOW + random.below(20_000) - 5_000,
      hasChanges: bit(),
      storedAt: NOW - random.below(2_000),
      isSignalled: bit(),
    });
    const step = nextStep(given);
    const isLong = step.kind === "wait" && step.ms > 5_000;
    const losesSignal = (step.kind === "wait" || step.kind === "end") && given.isSignalled;
    const losesChange = step.kind === "end" && (given.hasChanges || !given.isIdle);
    if (isLong || losesSignal || losesChange) wrong.push({ given, step });
  }
  expect(wrong).toEqual([]);
});
