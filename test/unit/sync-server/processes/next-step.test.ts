// The next step of a process manager in a log, and the time at which it must wake.
import { expect, test } from "vitest";
import { nextStep, nextWakeAt, type ProcessFacts } from "../../../../src/sync-server/processes/next-step.ts";
import type { ProcessNotes } from "../../../../src/sync-server/processes/process-place.ts";

const cursor = (position: number) => ({ position, mark: `${position}` });
const notes = (changes: Partial<ProcessNotes> = {}): ProcessNotes => ({
  phase: "ready",
  domain: 1,
  movedAt: 0,
  parkedCount: 0,
  parked: [],
  hasUnknown: false,
  identity: "flow@1",
  release: [1, 1],
  isPaused: false,
  edits: 0,
  silentTo: 0,
  foldedUpTo: 0,
  dueAt: null,
  isRetrying: false,
  waiting: 0,
  commands: 0,
  parkedCommands: 0,
  skipped: [],
  ...changes,
});
const facts = (changes: Partial<ProcessFacts> = {}): ProcessFacts => ({
  head: cursor(9),
  live: { revision: 1, at: cursor(9), notes: notes() },
  beside: { revision: 0, at: null, notes: notes() },
  manager: { identity: "flow@1", release: [1, 1], domain: { version: 1 } },
  now: 1_000,
  isTurnOfCommands: false,
  isBeforeUnknown: false,
  ...changes,
});
const live = (at: number, changes: Partial<ProcessNotes> = {}) => ({
  revision: 3,
  at: at === 0 ? null : cursor(at),
  notes: notes(changes),
});

test("nextStep: rests until the least due time, and never before it", () => {
  expect(nextStep(facts())).toEqual({ kind: "rest", until: Infinity });
  expect(nextStep(facts({ live: live(9, { dueAt: 1_001 }) }))).toEqual({ kind: "rest", until: 1_001 });
  expect(nextStep(facts({ live: live(9, { dueAt: 1_000 }) }))).toEqual({ kind: "execute" });
  expect(nextStep(facts({ live: live(9, { dueAt: 0, isPaused: true }) }))).toEqual({ kind: "rest", until: Infinity });
  expect(nextStep(facts({ head: null, live: live(0) }))).toEqual({ kind: "rest", until: Infinity });
  expect(nextWakeAt({ isPaused: false, dueAt: 7 })).toBe(7);
  expect(nextWakeAt({ isPaused: true, dueAt: 7 })).toBe(Infinity);
});

test("nextStep: events and commands take turns", () => {
  const busy = facts({ live: live(3, { dueAt: 0 }) });
  expect(nextStep(busy).kind).toBe("react");
  expect(nextStep({ ...busy, isTurnOfCommands: true }).kind).toBe("execute");
  expect(nextStep({ ...busy, isBeforeUnknown: true }).kind).toBe("execute");
  expect(nextStep(facts({ live: live(3, { waiting: 10_000 }) }))).toEqual({ kind: "rest", until: Infinity });
});

test("nextStep: a reset executes no command before its place", () => {
  const reset = facts({ live: live(3, { dueAt: 0, silentTo: 5 }), isTurnOfCommands: true });
  expect(nextStep(reset).kind).toBe("react");
  expect(nextStep({ ...reset, live: live(5, { dueAt: 0, silentTo: 5 }) }).kind).toBe("execute");
});

test("nextStep: newer code builds beside and takes over at the same cursor", () => {
  const manager = { identity: "flow@2", release: [2, 1], domain: { version: 1 } } as const;
  const beside = (at: number, changes: Partial<ProcessNotes> = {}) =>
    live(at, { identity: "flow@2", release: [2, 1], ...changes });
  const newer = facts({ manager, live: live(5, { dueAt: 0, edits: 4 }) });
  expect(nextStep(newer)).toEqual({ kind: "build", isNew: true });
  expect(nextStep({ ...newer, beside: beside(3, { edits: 4 }) })).toEqual({ kind: "build", isNew: false });
  expect(nextStep({ ...newer, beside: beside(5, { edits: 4 }) })).toEqual({ kind: "swap" });
  // A change of the waiting events, another release and a reset begin again.
  expect(nextStep({ ...newer, beside: beside(5, { edits: 3 }) })).toEqual({ kind: "build", isNew: true });
  expect(nextStep({ ...newer, beside: live(5, { identity: "flow@3", edits: 4 }) })).toEqual({
    kind: "build",
    isNew: true,
  });
  expect(nextStep({ ...newer, beside: beside(7, { edits: 4 }) })).toEqual({ kind: "build", isNew: true });
  const taken = live(5, { identity: "flow@2", release: [2, 1], dueAt: 0 });
  expect(nextStep(facts({ live: taken }))).toEqual({ kind: "rest", until: Infinity });
});

test("nextStep: waiting events are tried after a retry, and by code that knows more", () => {
  const waits = { waiting: 2, hasUnknown: true };
  expect(nextStep(facts({ live: live(9, waits) })).kind).toBe("rest");
  expect(nextStep(facts({ live: live(9, { ...waits, isRetrying: true }) })).kind).toBe("retry");
  const manager = { identity: "flow@1", release: [1, 1], domain: { version: 2 } } as const;
  expect(nextStep(facts({ live: live(9, waits), manager })).kind).toBe("retry");
});
