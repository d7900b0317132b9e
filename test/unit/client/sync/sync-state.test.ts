import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LIMITS } from "../../../../src/core/history/limits.ts";
import type { LogInfo } from "../../../../src/core/wire/messages.ts";
import { BACKOFF_MS, RETRY_AFTER_MS_MAX } from "../../../../src/client/sync/backoff.ts";
import { POSTPONED_MS, PUSH_COMMITS_MAX, STUCK_FAILURES } from "../../../../src/client/sync/push-state.ts";
import { reduce, type Signal, SOCKET_STABLE_MS } from "../../../../src/client/sync/reduce-sync.ts";
import {
  initialSyncState,
  nextStep,
  type SocketState,
  type SyncState,
  syncSummary,
  UNREPORTED_MS,
} from "../../../../src/client/sync/sync-state.ts";

const cursor = { position: 10, mark: "00000000000000aa" };
const ready: SyncState = { ...initialSyncState, tab: { isLeader: true, isPaused: false } };
const at = { now: 1_000_000, cursor, pending: 0, stuckAt: null, isRefilling: false };
const error = { code: "gone" as const, message: "", fix: "", retry: "never" as const, details: {} };
const stopped = { kind: "stopped", error } as const;
const diverged = { kind: "diverged" } as const;
const info: LogInfo = { protocol: 1, cursor: null, head: 0, domain: 1, limits: LIMITS, encodings: ["gzip"] };
const fresh = { kind: "fresh", answeredAt: 0 } as const;
const open: SocketState = { kind: "open", failures: 0, cursor, openedAt: 0 };
const opening: SocketState = { kind: "opening", failures: 0, cursor };
/** A signal, and when it comes by `env.elapsed`. */
type Event = { readonly signal: Signal; readonly elapsed: number; readonly chance: number };
/** Runs signals one after another. */
const after = (state: SyncState, ...events: readonly Event[]): SyncState =>
  events.reduce<SyncState>(
    (before, { signal, elapsed, chance }) => reduce(before, signal, { now: 0, elapsed, chance }),
    state,
  );
const event = (signal: Signal, elapsed = at.now, chance = 0): Event => ({ signal, elapsed, chance });
const answered = (elapsed: number): Event => event({ type: "pull-answered", head: 10, asked: ready }, elapsed);
const lost = (elapsed: number, chance: number): Event =>
  event({ type: "socket-lost", retryAfterMs: null }, elapsed, chance);
const requested = (from: typeof cursor | null = cursor): Event => event({ type: "socket-requested", cursor: from });
const opened = (elapsed: number): Event => event({ type: "socket-opened" }, elapsed);
const failed = (elapsed: number, chance: number, retryAfterMs: number | null): Event =>
  event({ type: "failed", retryAfterMs, warning: null }, elapsed, chance);
const pushed = (sent: readonly string[], asked = ready): Event =>
  event({ type: "push-answered", head: 10, sent, stopped: null, behind: null, asked });
const pushFailed = (sent: readonly string[], { chance = 0, isSuspicious = true } = {}): Event =>
  event({ type: "push-failed", sent, error, retryAfterMs: null, isSuspicious }, at.now, chance);
/** The time before which nothing is tried. */
const waitOf = ({ progress }: SyncState): number => (progress.kind === "trying" ? progress.notBefore : Infinity);
/** The time before which no socket is opened. */
const socketWaitOf = ({ socket }: SyncState): number => (socket.kind === "closed" ? socket.notBefore : Infinity);

describe("nextStep", () => {
  test("nextStep: rests while this tab does not lead, is paused or stopped", () => {
    const { tab } = ready;
    for (const change of [
      { tab: { ...tab, isLeader: false } },
      { tab: { ...tab, isPaused: true } },
      { progress: stopped },
    ]) {
      expect(nextStep({ ...ready, ...change, agreement: diverged }, { ...at, pending: 5 })).toEqual({
        do: "rest",
        until: null,
      });
    }
  });

  test("nextStep: waits until the backoff ends, and not a moment longer", () => {
    const waiting: SyncState = { ...ready, progress: { kind: "trying", failures: 1, notBefore: at.now + 100 } };
    expect(nextStep(waiting, { ...at, pending: 1 })).toEqual({ do: "rest", until: at.now + 100 });
    expect(nextStep(waiting, { ...at, pending: 1, now: at.now + 100 })).toEqual({ do: "push" });
  });

  test("nextStep: waits until the backoff ends also while histories have diverged", () => {
    const progress = { kind: "trying", failures: 1, notBefore: at.now + 100 } as const;
    const waiting: SyncState = { ...ready, agreement: diverged, progress };
    expect(nextStep(waiting, at)).toEqual({ do: "rest", until: at.now + 100 });
    expect(nextStep(waiting, { ...at, now: at.now + 100 })).toEqual({ do: "resolve-divergence" });
  });

  test("nextStep: the order is resolve-divergence, push, pull, connect", () => {
    expect(nextStep({ ...ready, agreement: diverged }, { ...at, pending: 1 })).toEqual({ do: "resolve-divergence" });
    expect(nextStep(ready, { ...at, pending: 1 })).toEqual({ do: "push" });
    expect(nextStep(ready, at)).toEqual({ do: "pull" });
    expect(nextStep({ ...ready, agreement: fresh, head: 11 }, at)).toEqual({ do: "pull" });
    expect(nextStep({ ...ready, agreement: fresh, head: 10 }, at)).toEqual({ do: "connect" });
    expect(nextStep({ ...ready, agreement: fresh, head: 10, socket: open }, at)).toEqual({ do: "rest", until: null });
  });

  test("nextStep: refills a dropped log before it pushes, because the server may have lost history", () => {
    const behind: SyncState = { ...ready, agreement: fresh, head: 10, socket: open };
    const refilling = { ...at, pending: 1, isRefilling: true };
    expect(nextStep(behind, refilling)).toEqual({ do: "pull" });
    // An empty log may join with the answer to its push. It pushes once, and its records come after that.
    expect(nextStep(behind, { ...refilling, cursor: null })).toEqual({ do: "push" });
    const recorded = { ids: [], at: { position: 9, mark: "a" }, pullNext: false };
    expect(nextStep({ ...behind, behind: recorded }, { ...refilling, cursor: null })).toEqual({ do: "pull" });
    expect(nextStep({ ...behind, agreement: diverged }, { ...at, pending: 1, isRefilling: true })).toEqual({
      do: "resolve-divergence",
    });
  });

  test("nextStep: pulls on while a command waits for a newer server, and pushes again later", () => {
    const push = { ...ready.push, notBefore: at.now + 500 };
    const later: SyncState = { ...ready, agreement: fresh, head: 11, socket: open, push };
    expect(nextStep(later, { ...at, pending: 1 })).toEqual({ do: "pull" });
    expect(nextStep({ ...later, head: 10 }, { ...at, pending: 1 })).toEqual({ do: "rest", until: at.now + 500 });
  });

  test("nextStep: pushes and pulls without a socket while a network lets none through", () => {
    const refused = after({ ...ready, agreement: fresh, head: 10, socket: opening }, lost(at.now, 0.5));
    expect(nextStep(refused, { ...at, pending: 1 })).toEqual({ do: "push" });
    expect(nextStep(refused, at)).toEqual({ do: "pull" });
    const pulled = after(refused, answered(at.now));
    expect(socketWaitOf(refused)).toBeGreaterThan(at.now);
    expect(nextStep(pulled, at)).toEqual({ do: "rest", until: socketWaitOf(refused) });
    expect(nextStep(pulled, { ...at, now: socketWaitOf(refused) })).toEqual({ do: "connect" });
    const again = after(refused, requested(), opened(at.now));
    expect(again).toMatchObject({ socket: { kind: "open", openedAt: at.now } });
    expect(after(again, event({ type: "socket-closed" }))).toMatchObject({ socket: { kind: "closed", notBefore: 0 } });
  });

  test("nextStep: pulls again if the socket has not reported a call's records, position and mark", () => {
    const live = after({ ...ready, agreement: fresh, head: 10 }, answered(at.now - 1), requested(), opened(at.now));
    const reporting = (to: { readonly position: number; readonly mark: string | null }, state = live) =>
      after(state, event({ type: "socket-reported", cursor: to, head: 0 }));
    expect(nextStep(live, at)).toEqual({ do: "rest", until: null });
    expect(nextStep(reporting({ position: 10, mark: null }), at)).toEqual({ do: "rest", until: null });
    const empty = after({ ...live, head: 0 }, event({ type: "socket-closed" }), requested(null), opened(at.now));
    expect(nextStep(empty, { ...at, cursor: null })).toEqual({ do: "rest", until: null });
    for (const socketCursor of [
      { position: 9, mark: cursor.mark },
      { position: 9, mark: null },
      { position: 10, mark: "00000000000000bb" },
      { position: 0, mark: null },
    ]) {
      const unreported = reporting(socketCursor);
      expect(nextStep(unreported, at)).toEqual({ do: "rest", until: at.now - 1 + UNREPORTED_MS });
      expect(nextStep(unreported, { ...at, now: at.now - 1 + UNREPORTED_MS })).toEqual({ do: "pull" });
      const pulled = after(unreported, answered(at.now));
      expect(nextStep(pulled, at)).toEqual({ do: "rest", until: at.now + UNREPORTED_MS });
      const reopening: SyncState = { ...live, socket: { kind: "opening", failures: 0, cursor: socketCursor } };
      expect(nextStep(reopening, { ...at, now: at.now + UNREPORTED_MS })).toEqual({ do: "rest", until: null });
    }
  });

  test("nextStep: from any state of a leader, it acts or knows until when it rests", () => {
    const time = fc.integer({ min: 0, max: 2_000_000 });
    const socketCursor = fc.record({
      position: fc.integer({ min: 0, max: 20 }),
      mark: fc.constantFrom(null, "a", "b"),
    });
    const failures = fc.integer({ min: 0, max: 20 });
    const socket: fc.Arbitrary<SocketState> = fc.oneof(
      fc.record({ kind: fc.constant("closed" as const), failures, notBefore: time }),
      fc.record({ kind: fc.constant("opening" as const), failures, cursor: socketCursor }),
      fc.record({ kind: fc.constant("open" as const), failures, cursor: socketCursor, openedAt: time }),
    );
    const facts = fc.record({
      agreement: fc.oneof(
        fc.constant(diverged),
        fc.constant({ kind: "stale" } as const),
        fc.record({ kind: fc.constant("fresh" as const), answeredAt: time }),
      ),
      head: fc.integer({ min: 0, max: 20 }),
      progress: fc.record({ kind: fc.constant("trying" as const), failures, notBefore: time }),
      push: time.map((notBefore) => ({ ...ready.push, notBefore })),
      socket,
    });
    fc.assert(
      fc.property(
        facts,
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 0, max: 20 }),
        fc.boolean(),
        (change, position, pending, isRefilling) => {
          const step = nextStep(
            { ...ready, ...change },
            { ...at, cursor: { position, mark: "a" }, pending, isRefilling },
          );
          const isReported =
            change.socket.kind !== "open" ||
            change.socket.cursor.position > position ||
            (change.socket.cursor.position === position && change.socket.cursor.mark !== "b");
          const nothingToDo = pending === 0 && change.socket.kind !== "closed" && change.head <= position && isReported;
          const restsInTime = step.do === "rest" && (step.until === null ? nothingToDo : step.until > at.now);
          expect(step.do !== "rest" || restsInTime).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe("reduce", () => {
  test("reduce: a socket that is cut at once is requested less and less, a stable one at once", () => {
    let state: SyncState = ready;
    const lose = (afterMs: number) => {
      state = after(state, requested(), opened(at.now), lost(at.now + afterMs, 1));
      return socketWaitOf(state) - at.now - afterMs;
    };
    const waits = Array.from({ length: 12 }, () => lose(20));
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.at(-1)).toBe(BACKOFF_MS.most);
    expect(lose(SOCKET_STABLE_MS)).toBe(BACKOFF_MS.first);
  });

  test("reduce: waits grow with each failure and stay near the server's wish", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1000 }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.option(fc.integer({ min: 0, max: 300_000 })),
        (failures, chance, wish) => {
          const progress = { kind: "trying", failures, notBefore: 0 } as const;
          const wait = waitOf(after({ ...ready, progress }, failed(at.now, chance, wish))) - at.now;
          expect(wait).toBeGreaterThanOrEqual(wish ?? 0);
          expect(wait).toBeLessThanOrEqual((wish ?? 0) + Math.max(BACKOFF_MS.most, Math.ceil((wish ?? 0) / 4)));
        },
      ),
    );
  });

  test("reduce: a failure on the device does not shorten the wait that the server requested", () => {
    const asked = after(ready, failed(at.now, 0, 20_000));
    expect(waitOf(after(asked, failed(at.now + 100, 0, null)))).toBe(at.now + 20_000);
  });

  test("reduce: the answer to a push does not shorten the wait that the server requested of a pull", () => {
    const refused = after(ready, failed(0, 0, 30_000), pushed(["a"]));
    expect(refused.progress).toEqual({ kind: "trying", failures: 0, notBefore: 30_000 });
  });

  test("reduce: an answer lowers no head that was reported since its request", () => {
    const asked: SyncState = { ...ready, head: 20, socket: open };
    const hinted = after(asked, event({ type: "socket-reported", cursor: { position: 50, mark: null }, head: 50 }));
    const answer = event({ type: "pull-answered", head: 20, asked });
    expect(nextStep(after(hinted, answer), { ...at, cursor: { ...cursor, position: 20 } })).toEqual({ do: "pull" });
    const restored = event({ type: "pull-answered", head: 10, asked });
    expect(after(asked, restored).head).toBe(10);
  });

  test("reduce: the answer to a push ends no doubt that came after its request", () => {
    const asked: SyncState = { ...ready, agreement: fresh };
    expect(after(asked, event({ type: "resumed" }), pushed(["a"], asked)).agreement).toEqual({ kind: "stale" });
    expect(after(ready, pushed(["a"])).agreement).toMatchObject({ kind: "fresh" });
  });

  test("reduce: a tab that leads again forgets positions, as the log may be cut back by now", () => {
    const behind = { ids: ["a"], at: { ...cursor, position: 12 }, pullNext: false };
    const led: SyncState = { ...ready, agreement: fresh, head: 12, behind };
    const follows = after(led, event({ type: "leader-changed", isLeader: false }));
    for (const state of [follows, after(follows, event({ type: "leader-changed", isLeader: true }))])
      expect(state).toMatchObject({ head: 0, behind: null });
  });

  test("reduce: a wake resets everything but leadership", () => {
    const worn: SyncState = {
      ...ready,
      progress: stopped,
      push: { ...ready.push, notBefore: 9e15 },
      socket: { kind: "closed", failures: 9, notBefore: 9e15 },
    };
    const waiting: SyncState = { ...worn, progress: { kind: "trying", failures: 9, notBefore: 9e15 } };
    for (const state of [worn, waiting]) {
      const woken = after(state, event({ type: "became-visible" }));
      expect(nextStep(woken, { ...at, pending: 1 })).toEqual({ do: "push" });
      expect(nextStep(after(woken, answered(at.now)), at)).toEqual({ do: "connect" });
    }
  });

  test("P12 reduce: a push that is too large is halved, and stays below that size", () => {
    const halved = after(ready, event({ type: "push-too-large", bytes: 40_000 }));
    expect(halved.size.pushBytesMax).toBe(20_000);
    const carried = event({ type: "carried", what: "pushBytes", bytes: 20_000, ms: 10 });
    expect(after(halved, carried, carried).size.pushBytesMax).toBe(20_000);
    expect(after(ready, event({ type: "push-too-large", bytes: 1 })).size.pushBytesMax).toBe(1);
  });

  test("reduce: a push that is postponed waits for a newer server", () => {
    const stoppedAt = (stopped: { readonly id: string; readonly error: null } | null) =>
      event({ type: "push-answered", head: 10, sent: ["a"], stopped, behind: null, asked: ready });
    expect(after(ready, stoppedAt({ id: "a", error: null })).push).toMatchObject({
      notBefore: at.now + POSTPONED_MS,
      stuck: [],
    });
    expect(after(ready, stoppedAt(null)).push).toEqual(ready.push);
  });

  test("reduce: a push that fails leaves reading and the socket as they are", () => {
    const failedPush = after({ ...ready, agreement: fresh, head: 10 }, pushFailed(["a", "b"], { chance: 0.9 }));
    const wait = failedPush.push.notBefore;
    expect(wait).toBeGreaterThan(at.now);
    expect(waitOf(failedPush)).toBe(0);
    expect(nextStep(failedPush, { ...at, pending: 2 })).toEqual({ do: "pull" });
    const pulled = after(failedPush, answered(at.now));
    expect(nextStep(pulled, { ...at, pending: 2 })).toEqual({ do: "connect" });
    const live = after(pulled, requested(), opened(at.now));
    expect(nextStep(live, { ...at, pending: 2 })).toEqual({ do: "rest", until: wait });
    expect(nextStep(live, { ...at, pending: 2, now: wait })).toEqual({ do: "push" });
    expect(nextStep({ ...pulled, head: 11 }, { ...at, pending: 2, now: wait })).toEqual({ do: "pull" });
  });

  test("reduce: a push that fails again is halved, until it finds the one commit that is stuck", () => {
    const four = ["a", "b", "c", "d"];
    const twice = after(ready, pushFailed(four), pushFailed(four));
    expect(twice.push).toMatchObject({ max: 2, stuck: [] });
    // The first half gets through. The second half is halved at once.
    const half = after(twice, pushed(["a", "b"]), pushFailed(["c", "d"]));
    expect(half.push).toMatchObject({ max: 1, stuck: [] });
    const found = after(half, pushed(["c"]), pushFailed(["d"]), pushFailed(["d"]));
    expect(found.push.stuck).toMatchObject([{ id: "d", since: 0, error: { code: "gone" } }]);
    expect(after(found, pushed(["d"])).push.stuck).toEqual([]);
  });

  test("reduce: a server that is busy finds no stuck commit, and the failure shows after a while", () => {
    const busy = after(ready, ...Array.from({ length: 20 }, () => pushFailed(["a"], { isSuspicious: false })));
    expect(busy.push).toMatchObject({ max: PUSH_COMMITS_MAX, stuck: [], suspicions: 0 });
    expect(syncSummary(busy).error).toBe(error);
    expect(syncSummary(after(busy, pushed(["a"]))).error).toBeNull();
  });

  test("reduce: a stuck commit is sent again alone with growing waits, and others do not wait", () => {
    const once = after(ready, pushFailed(["a"]), pushFailed(["a"]), pushFailed(["a"], { chance: 0.9 }));
    const first = once.push.stuck[0]?.notBefore ?? 0;
    const again = after(once, pushFailed(["a"], { chance: 0.9 })).push;
    expect(again.stuck).toHaveLength(1);
    expect(again.stuck[0]?.notBefore).toBeGreaterThan(first);
    expect(again.notBefore).toBe(at.now);
    const live: SyncState = { ...once, agreement: fresh, head: 10, socket: open };
    expect(nextStep(live, { ...at, stuckAt: first })).toEqual({ do: "rest", until: first });
    expect(nextStep(live, { ...at, stuckAt: first, now: first })).toEqual({ do: "push" });
    expect(nextStep(live, { ...at, stuckAt: first, pending: 1 })).toEqual({ do: "push" });
    expect(after(once, event({ type: "became-visible" })).push.stuck).toMatchObject([{ notBefore: 0 }]);
  });

  test("reduce: a commit that the server stops at is stuck at once, and waits half a minute", () => {
    const stop = (id: string) =>
      event({ type: "push-answered", head: 10, sent: ["a", "b"], stopped: { id, error }, behind: null, asked: ready });
    expect(after(ready, stop("b")).push.stuck).toMatchObject([{ id: "b", notBefore: at.now + POSTPONED_MS }]);
    // A server that names a commit of someone else finds none.
    expect(after(ready, stop("x")).push).toMatchObject({ stuck: [], notBefore: at.now + POSTPONED_MS });
  });

  test("reduce: pushes and pulls take turns while sent commits wait for their records", () => {
    const behind = { ids: ["a"], at: { position: 30, mark: "aa" }, pullNext: true };
    const answer = { type: "push-answered", head: 30, sent: ["a"], stopped: null, behind, asked: ready } as const;
    const pushed = after(ready, event(answer));
    expect(nextStep(pushed, { ...at, pending: 1 })).toEqual({ do: "pull" });
    const pulled = after(pushed, event({ type: "pull-answered", head: 30, asked: ready }));
    expect(nextStep(pulled, { ...at, pending: 1 })).toEqual({ do: "push" });
    const again = after(pulled, event(answer));
    expect(nextStep(again, { ...at, pending: 1 })).toEqual({ do: "pull" });
    expect(after(again, event({ type: "diverged" })).behind).toBeNull();
  });

  test("reduce: a call without an answer makes the next calls smaller, and a refusal does not", () => {
    const { pageBytes, pushBytes } = ready.size;
    expect(after(ready, failed(at.now, 0, null)).size).toMatchObject({
      pageBytes: pageBytes / 2,
      pushBytes: pushBytes / 2,
    });
    expect(after(ready, failed(at.now, 0, 1_000)).size).toEqual(ready.size);
    const full: SyncState = { ...ready, warning: null };
    expect(after(full, event({ type: "failed", retryAfterMs: null, warning: error })).size).toEqual(ready.size);
  });

  test("reduce: a woken device forgets the sizes of the link before", () => {
    const small = after(ready, failed(at.now, 0, null), failed(at.now, 0, null));
    expect(after(small, event({ type: "network-changed" })).size).toEqual(ready.size);
  });

  test("reduce: a call without an answer for 5 seconds makes the log stale until the answer", () => {
    const waiting = after({ ...ready, agreement: fresh }, event({ type: "call-slow" }));
    expect(syncSummary(waiting).activity).toBe("connecting");
    expect(syncSummary(after(waiting, answered(at.now))).activity).toBe("fresh");
    expect(after({ ...ready, agreement: diverged }, event({ type: "call-slow" })).agreement).toBe(diverged);
  });

  test("reduce: an answer without the server's domain keeps the known version", () => {
    const known = after(ready, event({ type: "pull-answered", head: 1, domain: 3, asked: ready }));
    expect(syncSummary(after(known, answered(at.now))).domain).toBe(3);
    expect(syncSummary(after(known, event({ type: "pull-answered", head: 1, domain: 2, asked: ready }))).domain).toBe(
      2,
    );
  });

  test("reduce: a refused socket keeps its wait without leadership, and loses it with a wake", () => {
    const refused = after(ready, requested(), lost(at.now, 0.5));
    const notLeading = after(refused, event({ type: "leader-changed", isLeader: false }));
    expect(socketWaitOf(refused)).toBeGreaterThan(at.now);
    expect(notLeading.socket).toEqual(refused.socket);
    expect(after(notLeading, event({ type: "resumed" })).socket).toEqual(initialSyncState.socket);
  });

  test("reduce: a socket that was closed here takes no late signal", () => {
    const late: readonly Signal[] = [
      { type: "socket-opened" },
      { type: "socket-reported", cursor, head: 0 },
      { type: "socket-lost", retryAfterMs: null },
      { type: "socket-closed" },
    ];
    for (const signal of late) expect(after(ready, event(signal)).socket).toEqual(ready.socket);
  });

  test("reduce: random signals never break an invariant", () => {
    fc.assert(
      fc.property(
        fc.array(randomEvent, { maxLength: 60 }),
        fc.nat({ max: 3 }),
        fc.boolean(),
        (made, pending, found) => {
          let state = initialSyncState;
          let elapsed = 0;
          let waitBefore = waitOf(state);
          const model = { isLeader: false, isPaused: false, isStopped: false, isDiverged: false };
          for (const { signal, passesMs, chance } of made) {
            elapsed += passesMs;
            state = reduce(state, signal, { now: 0, elapsed, chance });
            follow(model, signal);
            const maySync = model.isLeader && !model.isPaused && !model.isStopped;
            expect({ ...state.tab, isStopped: state.progress.kind === "stopped" }).toMatchObject({
              isLeader: model.isLeader,
              isPaused: model.isPaused,
              isStopped: model.isStopped,
            });
            expect(state.agreement.kind === "diverged").toBe(model.isDiverged);
            if (!maySync) expect(state.socket.kind).toBe("closed");
            const stuckAt = found ? (state.push.stuck[0]?.notBefore ?? null) : null;
            const step = nextStep(state, { now: elapsed, cursor, pending, stuckAt, isRefilling: false });
            if (step.do === "push" && (state.push.failures > 0 || stuckAt !== null)) {
              expect(state.agreement.kind).toBe("fresh");
              expect(socketWaitOf(state)).toBeGreaterThan(elapsed);
            }
            if (signal.type === "push-failed") expect(waitOf(state)).toBe(waitBefore);
            waitBefore = waitOf(state);
            expect(new Set(state.push.stuck.map(({ id }) => id)).size).toBe(state.push.stuck.length);
            if (!maySync) expect(step).toEqual({ do: "rest", until: null });
            else if (model.isDiverged) expect(["resolve-divergence", "rest"]).toContain(step.do);
            if (step.do === "connect") expect(state.socket.kind).toBe("closed");
            if (step.do === "rest" && step.until !== null)
              expect(step.until - elapsed).toBeLessThanOrEqual(WAIT_MS_MAX);
            if (maySync && step.do === "rest" && step.until === null)
              expect([pending, state.socket.kind === "closed", model.isDiverged]).toEqual([0, false, false]);
            for (const bytes of [state.size.pageBytes, state.size.pushBytes])
              expect([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096]).toContain(bytes / 1024);
            expect(state.size.pushBytesMax).toBeGreaterThanOrEqual(1);
            expect(state.push.max).toBeGreaterThanOrEqual(1);
            expect(state.push.max).toBeLessThanOrEqual(PUSH_COMMITS_MAX);
            const isFailing = state.push.failures >= STUCK_FAILURES;
            expect(syncSummary(state).error === null || state.warning !== null || model.isStopped || isFailing).toBe(
              true,
            );
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

const WAIT_MS_MAX = Math.max(1.25 * RETRY_AFTER_MS_MAX, POSTPONED_MS, UNREPORTED_MS);

type Model = Record<"isLeader" | "isPaused" | "isStopped" | "isDiverged", boolean>;

/** The same machine as four flags. */
function follow(model: Model, signal: Signal): void {
  switch (signal.type) {
    case "leader-changed":
      model.isLeader = signal.isLeader;
      if (signal.isLeader) model.isStopped = false;
      return;
    case "paused-changed":
      model.isPaused = signal.isPaused;
      if (!signal.isPaused) model.isStopped = false;
      return;
    case "network-changed":
    case "became-visible":
    case "resumed":
      model.isStopped = false;
      return;
    case "stopped":
      model.isStopped = true;
      return;
    case "diverged":
      model.isDiverged = true;
      return;
    case "divergence-resolved":
      model.isDiverged = false;
  }
}

const retryAfterMs = fc.option(fc.integer({ min: 0, max: 10_000_000 }));
const head = fc.nat({ max: 20 });
const reported = fc.record({ position: head, mark: fc.constantFrom(null, cursor.mark, "b") });
const commitId = fc.constantFrom("a", "b", "c");
const sent = fc.uniqueArray(commitId, { minLength: 1 });
const type = <Type extends Signal["type"]>(name: Type) => fc.constant(name);
const anySignal: fc.Arbitrary<Signal> = fc.oneof(
  fc.record({ type: type("leader-changed"), isLeader: fc.boolean() }),
  // A second time, so that many sequences have a leader.
  fc.record({ type: type("leader-changed"), isLeader: fc.constant(true) }),
  fc.record({ type: type("paused-changed"), isPaused: fc.boolean() }),
  fc.record({ type: type("network-changed") }),
  fc.record({ type: type("became-visible") }),
  fc.record({ type: type("resumed") }),
  fc.record({ type: type("pull-answered"), head, asked: fc.constant(ready) }),
  fc.record({
    type: type("push-answered"),
    asked: fc.constant(ready),
    head,
    sent,
    stopped: fc.option(fc.record({ id: commitId, error: fc.constantFrom(null, error) })),
    behind: fc.constantFrom(null, { ids: ["a"], at: cursor, pullNext: true }),
  }),
  fc.record({ type: type("push-failed"), sent, error: fc.constant(error), retryAfterMs, isSuspicious: fc.boolean() }),
  fc.record({ type: type("push-too-large"), bytes: fc.nat({ max: 1_000 }) }),
  fc.record({ type: type("gzip-refused") }),
  fc.record({ type: type("limits-read"), info: fc.constant(info) }),
  fc.record({ type: type("received"), bytes: fc.nat() }),
  fc.record({
    type: type("carried"),
    what: fc.constantFrom("pageBytes" as const, "pushBytes" as const),
    bytes: fc.nat(),
    ms: fc.nat(),
  }),
  fc.record({ type: type("call-slow") }),
  fc.record({ type: type("frame-confirmed"), head }),
  fc.record({ type: type("diverged") }),
  fc.record({ type: type("divergence-resolved") }),
  fc.record({ type: type("failed"), retryAfterMs, warning: fc.constantFrom(null, error) }),
  fc.record({ type: type("stopped"), error: fc.constant(error) }),
  fc.record({ type: type("socket-requested"), cursor: fc.constantFrom(null, cursor) }),
  fc.record({ type: type("socket-opened") }),
  fc.record({ type: type("socket-reported"), cursor: reported, head }),
  fc.record({ type: type("socket-lost"), retryAfterMs }),
  fc.record({ type: type("socket-closed") }),
);
const randomEvent = fc.record({
  signal: anySignal,
  passesMs: fc.nat({ max: 40_000 }),
  chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});
