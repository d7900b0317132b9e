// The delivery table of one socket, in every state and by every signal.
import { expect, test } from "vitest";
import { type Cursor, sameCursor } from "../../../../src/core/history/record.ts";
import {
  type DeliverySignal,
  type DeliveryState,
  reduceDelivery,
} from "../../../../src/sync-server/live/delivery-state.ts";

const at = (position: number): Cursor => ({ position, mark: `mark${position}` });
const cursors = [null, at(1), at(2), at(3)];
const booleans = [true, false];

const states: readonly DeliveryState[] = [
  ...cursors.flatMap((cursor): DeliveryState[] => [
    { kind: "live", cursor },
    { kind: "hinted", cursor, hintedAt: 2 },
    ...[null, 2].flatMap((hintedAt) =>
      booleans.map((isStale): DeliveryState => ({ kind: "catching-up", cursor, hintedAt, isStale })),
    ),
  ]),
  { kind: "closed" },
];

const signals: readonly DeliverySignal[] = [
  { kind: "joined" },
  { kind: "read-done" },
  { kind: "read-failed" },
  { kind: "close" },
  ...cursors.map((after): DeliverySignal => ({ kind: "appended", after })),
  ...cursors.map((head): DeliverySignal => ({ kind: "head", head })),
  ...[0, 2, 3].map((head): DeliverySignal => ({ kind: "drained", head })),
  ...booleans.flatMap((isSlow): DeliverySignal[] => [
    { kind: "frame", cursor: at(2), head: at(3), isSlow },
    { kind: "page", cursor: at(2), isSlow },
    ...cursors.map((head): DeliverySignal => ({ kind: "page-sent", head, isSlow })),
  ]),
];

type Move = { readonly state: DeliveryState; readonly signal: DeliverySignal } & ReturnType<typeof nextOf>;

/**
 * Each signal in each state, or those that `where` selects. Made in each test, because a mutant is only on while a test
 * runs. Throws if no move is selected, because such a test would check nothing.
 */
function moves(where: (move: Move) => boolean = () => true): readonly Move[] {
  const all = states.flatMap((state) => signals.map((signal) => ({ state, signal, ...nextOf(state, signal) })));
  const selected = all.filter(where);
  if (selected.length === 0) throw new Error("No move is selected");
  return selected;
}

function nextOf(state: DeliveryState, signal: DeliverySignal) {
  const { state: next, step } = reduceDelivery(state, signal);
  return { next, step };
}

test("reduceDelivery: a closed socket stays closed and takes no step", () => {
  for (const { state, next, step } of moves((move) => move.state.kind === "closed"))
    expect([next, step]).toEqual([state, { kind: "none" }]);
});

test("reduceDelivery: every open socket says goodbye once when it closes", () => {
  for (const { state, next, step } of moves((move) => move.signal.kind === "close"))
    expect([next.kind, step.kind]).toEqual(["closed", state.kind === "closed" ? "none" : "say-bye"]);
});

test("P18 reduceDelivery: a socket that is slow gets no records", () => {
  for (const { step } of moves(({ signal }) => "isSlow" in signal && signal.isSlow)) expect(step.kind).not.toBe("send");
});

test("P18 reduceDelivery: while a hint waits in the buffer, only a drained socket gets another", () => {
  const isWaiting = ({ state }: Move) => "hintedAt" in state && state.hintedAt !== null;
  for (const { signal } of moves((move) => isWaiting(move) && move.step.kind === "hint"))
    expect(signal.kind).toBe("drained");
});

test("reduceDelivery: a drained socket gets a hint only if the log grew since the last one", () => {
  for (const { state, signal, step } of moves()) {
    if (signal.kind !== "drained") continue;
    const grew = "hintedAt" in state && state.hintedAt !== null && signal.head > state.hintedAt;
    expect(step).toEqual(grew ? { kind: "hint", head: signal.head } : { kind: "none" });
  }
});

test("P14 reduceDelivery: an append at another cursor than the socket's starts one read", () => {
  for (const { state, signal, next, step } of moves()) {
    if (signal.kind !== "appended" || state.kind === "closed") continue;
    if (state.kind === "catching-up") expect([next, step.kind]).toEqual([{ ...state, isStale: true }, "none"]);
    else if (sameCursor(state.cursor, signal.after)) expect([next, step.kind]).toEqual([state, "offer-frames"]);
    else expect([next.kind, step]).toEqual(["catching-up", { kind: "read", after: state.cursor }]);
  }
});

test("P17 reduceDelivery: a read always starts at the socket's own cursor", () => {
  for (const { state, next, step } of moves((move) => move.step.kind === "read")) {
    expect(next.kind).toBe("catching-up");
    expect("cursor" in state && state.cursor).toEqual("after" in step && step.after);
  }
});

test("reduceDelivery: a read that records overtook starts again, a failed one does not", () => {
  const stale: DeliveryState = { kind: "catching-up", cursor: at(1), hintedAt: null, isStale: true };
  expect(nextOf(stale, { kind: "read-done" })).toEqual({
    next: { ...stale, isStale: false },
    step: { kind: "read", after: at(1) },
  });
  expect(nextOf(stale, { kind: "read-failed" })).toEqual({
    next: { kind: "live", cursor: at(1) },
    step: { kind: "none" },
  });
});

test("P18 reduceDelivery: a socket over its budget is hinted until it has drained", () => {
  const hinted = nextOf({ kind: "live", cursor: at(1) }, { kind: "frame", cursor: at(2), head: at(3), isSlow: true });
  expect(hinted).toEqual({
    next: { kind: "hinted", cursor: at(3), hintedAt: 3 },
    step: { kind: "hint", head: 3 },
  });
  expect(nextOf(hinted.next, { kind: "drained", head: 3 })).toEqual({
    next: { kind: "live", cursor: at(3) },
    step: { kind: "none" },
  });
});

test("reduceDelivery: a socket more than a page behind gets a hint, then is live or hinted", () => {
  const reading: DeliveryState = { kind: "catching-up", cursor: at(1), hintedAt: null, isStale: false };
  const paged = nextOf(reading, { kind: "page-sent", head: at(3), isSlow: false });
  expect(paged).toEqual({ next: { ...reading, cursor: at(3) }, step: { kind: "hint", head: 3 } });
  expect(nextOf(paged.next, { kind: "read-done" }).next).toEqual({ kind: "live", cursor: at(3) });
  const slow = nextOf(reading, { kind: "page-sent", head: at(3), isSlow: true });
  expect(nextOf(slow.next, { kind: "read-done" }).next).toEqual({ kind: "hinted", cursor: at(3), hintedAt: 3 });
});

test("P14 reduceDelivery: a live socket within its budget gets each frame, and follows it", () => {
  const fits: DeliverySignal = { kind: "frame", cursor: at(2), head: at(3), isSlow: false };
  expect(nextOf({ kind: "live", cursor: at(1) }, fits)).toEqual({
    next: { kind: "live", cursor: at(2) },
    step: { kind: "send" },
  });
  // The frames after a hint are not sent, but the socket counts as being at the end of the log.
  const hinted: DeliveryState = { kind: "hinted", cursor: at(1), hintedAt: 1 };
  expect(nextOf(hinted, fits)).toEqual({ next: { ...hinted, cursor: at(3) }, step: { kind: "none" } });
});

test("reduceDelivery: a page of records moves the socket to its end, unless the socket is slow", () => {
  const reading: DeliveryState = { kind: "catching-up", cursor: at(1), hintedAt: null, isStale: true };
  expect(nextOf(reading, { kind: "page", cursor: at(2), isSlow: false })).toEqual({
    next: { ...reading, cursor: at(2) },
    step: { kind: "send" },
  });
  expect(nextOf(reading, { kind: "page", cursor: at(2), isSlow: true }).next).toEqual(reading);
});

test("reduceDelivery: a page that ends at the head changes nothing, and needs no hint", () => {
  for (const hintedAt of [null, 2])
    for (const isSlow of booleans) {
      const reading: DeliveryState = { kind: "catching-up", cursor: at(3), hintedAt, isStale: false };
      expect(nextOf(reading, { kind: "page-sent", head: at(3), isSlow })).toEqual({
        next: reading,
        step: { kind: "none" },
      });
    }
});

test("reduceDelivery: a log at another cursor than the socket's starts a read", () => {
  for (const { state, signal, next, step } of moves()) {
    if (signal.kind !== "head" || state.kind === "closed") continue;
    const reads = state.kind !== "catching-up" && !sameCursor(state.cursor, signal.head);
    expect([next.kind, step.kind]).toEqual(reads ? ["catching-up", "read"] : [state.kind, "none"]);
  }
});

test("reduceDelivery: a new socket in its room starts a read, one that reads already starts none", () => {
  const joined = moves(({ signal }) => signal.kind === "joined");
  const reading = joined.filter(({ step }) => step.kind === "read");
  expect(reading).toEqual(joined.filter(({ state }) => state.kind === "live" || state.kind === "hinted"));
});

test("P18 reduceDelivery: a hint that waits is remembered through a read, and ends when drained", () => {
  for (const signal of [{ kind: "joined" }, { kind: "appended", after: at(2) }, { kind: "head", head: at(2) }] as const)
    expect(nextOf({ kind: "hinted", cursor: at(1), hintedAt: 1 }, signal).next).toMatchObject({ hintedAt: 1 });
  const reading: DeliveryState = { kind: "catching-up", cursor: at(1), hintedAt: 2, isStale: true };
  expect(nextOf(reading, { kind: "read-done" }).next).toEqual({ ...reading, isStale: false });
  expect(nextOf(reading, { kind: "read-failed" }).next).toEqual({ kind: "hinted", cursor: at(1), hintedAt: 2 });
  expect(nextOf(reading, { kind: "drained", head: 2 }).next).toEqual({ ...reading, hintedAt: null });
  const slow = nextOf(reading, { kind: "page-sent", head: at(3), isSlow: true });
  expect(slow).toEqual({ next: { ...reading, cursor: at(3) }, step: { kind: "none" } });
});
