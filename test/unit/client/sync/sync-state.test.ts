import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterAnswer,
  afterFailure,
  afterSocketAsked,
  afterSocketLost,
  afterSocketOpened,
  afterTooLarge,
  afterWake,
  BACKOFF_MS,
  initialSyncState,
  nextStep,
  SOCKET_STANDS_MS,
  type SyncState,
  UNTOLD_MS,
} from "../../../../src/client/sync/sync-state.ts";

const cursor = { position: 10, mark: "00000000000000aa" };
const ready: SyncState = { ...initialSyncState, leader: true, socketCursor: cursor };
const at = { now: 1_000_000, cursor, pending: 0, refills: false };
const stopped = { code: "gone" as const, message: "", fix: "", retry: "never" as const, details: {} };

describe("what the sync loop does next", () => {
  test("rests where this tab does not lead, is paused, offline or stopped, whatever waits", () => {
    for (const change of [{ leader: false }, { paused: true }, { online: false }, { stopped }]) {
      expect(nextStep({ ...ready, ...change, diverged: true }, { ...at, pending: 5 })).toEqual({
        do: "rest",
        until: null,
      });
    }
  });

  test("waits until the backoff ends, and not a moment longer", () => {
    const waiting = { ...ready, notBefore: at.now + 100 };
    expect(nextStep(waiting, { ...at, pending: 1 })).toEqual({ do: "rest", until: at.now + 100 });
    expect(nextStep(waiting, { ...at, pending: 1, now: at.now + 100 })).toEqual({ do: "push" });
  });

  test("parts before anything is pushed, pushes before it pulls, pulls before it connects", () => {
    expect(nextStep({ ...ready, diverged: true }, { ...at, pending: 1 })).toEqual({ do: "part" });
    expect(nextStep(ready, { ...at, pending: 1 })).toEqual({ do: "push" });
    expect(nextStep(ready, at)).toEqual({ do: "pull" });
    expect(nextStep({ ...ready, isFresh: true, head: 11 }, at)).toEqual({ do: "pull" });
    expect(nextStep({ ...ready, isFresh: true, head: 10 }, at)).toEqual({ do: "connect" });
    expect(nextStep({ ...ready, isFresh: true, head: 10, socket: "open" }, at)).toEqual({ do: "rest", until: null });
  });

  test("fills a log again that was dropped before it pushes: what the server lost meanwhile comes first", () => {
    const behind = { ...ready, isFresh: true, head: 10, socket: "open" as const };
    expect(nextStep(behind, { ...at, pending: 1, refills: true })).toEqual({ do: "pull" });
    expect(nextStep({ ...behind, diverged: true }, { ...at, pending: 1, refills: true })).toEqual({ do: "part" });
  });

  test("goes on pulling while a command waits for a newer server, and asks again later", () => {
    const later = { ...ready, isFresh: true, head: 11, socket: "open" as const, pushNotBefore: at.now + 500 };
    expect(nextStep(later, { ...at, pending: 1 })).toEqual({ do: "pull" });
    expect(nextStep({ ...later, head: 10 }, { ...at, pending: 1 })).toEqual({ do: "rest", until: at.now + 500 });
  });

  test("pushes and pulls without a socket where a network lets none through", () => {
    const lost = afterSocketLost({ ...ready, isFresh: true, head: 10, socket: "opening" }, at.now, 0.5, null);
    expect(nextStep(lost, { ...at, pending: 1 })).toEqual({ do: "push" });
    expect(nextStep(lost, at)).toEqual({ do: "pull" });
    const pulled = afterAnswer(lost, 10, { now: 0, elapsed: at.now });
    expect(nextStep(pulled, at)).toEqual({ do: "rest", until: lost.socketNotBefore });
    expect(nextStep(pulled, { ...at, now: lost.socketNotBefore })).toEqual({ do: "connect" });
    expect(afterSocketOpened(lost, at.now)).toMatchObject({ socket: "open", socketNotBefore: 0 });
  });

  test("asks less and less for a socket where each is cut as soon as it is open, and at once where one had stood", () => {
    let facts: SyncState = ready;
    const lose = (afterMs: number) =>
      (facts = afterSocketLost(afterSocketOpened(facts, at.now), at.now + afterMs, 1, null)).socketNotBefore -
      at.now -
      afterMs;
    const waits = Array.from({ length: 12 }, () => lose(20));
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.at(-1)).toBe(BACKOFF_MS.most);
    expect(lose(SOCKET_STANDS_MS)).toBe(BACKOFF_MS.first);
  });

  test("asks again for what a call brought and the socket has not told for a while, by position and by mark; not where the socket has told it", () => {
    const live = afterSocketOpened(
      afterSocketAsked({ ...ready, isFresh: true, head: 10, answeredAt: at.now - 1 }, cursor),
      at.now,
    );
    expect(nextStep(live, at)).toEqual({ do: "rest", until: null });
    expect(nextStep({ ...live, socketCursor: { position: 10, mark: null } }, at)).toEqual({ do: "rest", until: null });
    expect(
      nextStep(afterSocketOpened(afterSocketAsked({ ...live, head: 0 }, null), at.now), { ...at, cursor: null }),
    ).toEqual({ do: "rest", until: null });
    for (const socketCursor of [
      { position: 9, mark: cursor.mark },
      { position: 9, mark: null },
      { position: 10, mark: "00000000000000bb" },
      { position: 0, mark: null },
    ]) {
      expect(nextStep({ ...live, socketCursor }, at)).toEqual({ do: "rest", until: at.now - 1 + UNTOLD_MS });
      expect(nextStep({ ...live, socketCursor }, { ...at, now: at.now - 1 + UNTOLD_MS })).toEqual({ do: "pull" });
      const asked = afterAnswer({ ...live, socketCursor }, 10, { now: 0, elapsed: at.now });
      expect(nextStep(asked, at)).toEqual({ do: "rest", until: at.now + UNTOLD_MS });
      expect(nextStep({ ...live, socketCursor, socket: "opening" }, { ...at, now: at.now + UNTOLD_MS })).toEqual({
        do: "rest",
        until: null,
      });
    }
  });

  test("waits grow with each failure and stay within a minute, or the server's wish", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.option(fc.integer({ min: 0, max: 300_000 })),
        (failures, chance, wish) => {
          const { notBefore } = afterFailure({ ...ready, failures }, at.now, chance, wish);
          expect(notBefore - at.now).toBeGreaterThanOrEqual(wish ?? 0);
          expect(notBefore - at.now).toBeLessThanOrEqual(Math.max(wish ?? 0, BACKOFF_MS.most));
        },
      ),
    );
  });

  test("a failure of the device's own makes no wait shorter that the server wished for", () => {
    const asked = afterFailure(ready, at.now, 0, 20_000);
    expect(afterFailure(asked, at.now + 100, 0, null).notBefore).toBe(at.now + 20_000);
  });

  test("from any facts: awake and led, it always does something or knows until when it rests", () => {
    const facts = fc.record({
      diverged: fc.boolean(),
      checked: fc.boolean(),
      head: fc.integer({ min: 0, max: 20 }),
      failures: fc.integer({ min: 0, max: 20 }),
      notBefore: fc.integer({ min: 0, max: 2_000_000 }),
      pushNotBefore: fc.integer({ min: 0, max: 2_000_000 }),
      socketNotBefore: fc.integer({ min: 0, max: 2_000_000 }),
      socket: fc.constantFrom("closed" as const, "opening" as const, "open" as const),
      answeredAt: fc.integer({ min: 0, max: 2_000_000 }),
      told: fc.record({ position: fc.integer({ min: 0, max: 20 }), mark: fc.constantFrom(null, "a", "b") }),
    });
    fc.assert(
      fc.property(
        facts,
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        fc.boolean(),
        (change, position, pending, refills) => {
          const step = nextStep(
            { ...ready, ...change },
            { now: at.now, cursor: { position, mark: "a" }, pending, refills },
          );
          const isTold =
            change.told.position > position || (change.told.position === position && change.told.mark !== "b");
          const nothingToDo =
            pending === 0 &&
            change.socket !== "closed" &&
            change.head <= position &&
            (change.socket !== "open" || isTold);
          const restsInTime = step.do === "rest" && (step.until === null ? nothingToDo : step.until > at.now);
          expect(step.do !== "rest" || restsInTime).toBe(true);
        },
      ),
    );
  });

  test("a wake makes up for everything but a lost right to lead", () => {
    const woken = afterWake({
      ...ready,
      stopped,
      failures: 9,
      notBefore: 9e15,
      pushNotBefore: 9e15,
      socketNotBefore: 9e15,
    });
    expect(nextStep(woken, { ...at, pending: 1 })).toEqual({ do: "push" });
  });

  test("P12 a push that is too large is halved, down to one commit", () => {
    expect(afterTooLarge(ready, 500).pushMax).toBe(250);
    expect(afterTooLarge(ready, 1).pushMax).toBe(1);
  });
});
