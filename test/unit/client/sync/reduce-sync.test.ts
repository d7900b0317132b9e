// Divergences, retries and reports that follow each other, as the state of syncing counts them.
import { describe, expect, test } from "vitest";
import { BACKOFF_MS } from "../../../../src/client/sync/backoff.ts";
import { reduce, type Signal, SOCKET_STABLE_MS } from "../../../../src/client/sync/reduce-sync.ts";
import { initialSyncState, type SyncState } from "../../../../src/client/sync/sync-state.ts";

const MINUTE = 60_000;
const ready: SyncState = { ...initialSyncState, tab: { isLeader: true, isPaused: false } };
const error = { code: "gone" as const, message: "", fix: "", retry: "never" as const, details: {} };
/** Takes the longest wait, so that its growth is visible. */
const at = (elapsed: number) => ({ now: 5_000_000 + elapsed, elapsed, chance: 1 });
const after = (state: SyncState, signal: Signal, elapsed = 1_000) => reduce(state, signal, at(elapsed));
const waitOf = ({ progress }: SyncState) => (progress.kind === "trying" ? progress.notBefore : Infinity);
const failed = (retryAfterMs: number | null = null): Signal => ({ type: "failed", retryAfterMs, warning: null });

describe("reduce: divergences", () => {
  const resolved: Signal = { type: "divergence-resolved" };

  test("reduce: three divergences in a row wait for nothing, and each later one waits longer", () => {
    let state: SyncState = ready;
    const waits = [1, 2, 3, 4, 5, 6].map((n) => {
      state = after({ ...state, progress: ready.progress }, resolved, n * MINUTE);
      return Math.max(0, waitOf(state) - n * MINUTE);
    });
    expect(waits).toEqual([0, 0, 0, 1, 2, 3].map((n) => (n === 0 ? 0 : BACKOFF_MS.first * 2 ** n)));
  });

  test("reduce: ten minutes without a divergence start the count again", () => {
    const known: SyncState = { ...ready, divergences: { count: 7, lastAt: MINUTE } };
    const count = (elapsed: number) => after(known, resolved, elapsed).divergences;
    expect([count(11 * MINUTE), count(11 * MINUTE + 1)]).toEqual([
      { count: 8, lastAt: 11 * MINUTE },
      { count: 1, lastAt: 11 * MINUTE + 1 },
    ]);
  });

  test("reduce: a resolved divergence leaves a stale log at an unknown head, and keeps a wait", () => {
    const waiting: SyncState = {
      ...ready,
      agreement: { kind: "diverged" },
      head: 9,
      progress: { kind: "trying", failures: 4, notBefore: 7_000 },
    };
    expect(after(waiting, resolved)).toMatchObject({
      agreement: { kind: "stale" },
      head: 0,
      progress: { kind: "trying", failures: 0, notBefore: 7_000 },
    });
  });

  test("reduce: an answer or a doubt ends no divergence", () => {
    const diverged: SyncState = { ...ready, agreement: { kind: "diverged" } };
    for (const signal of [{ type: "pull-answered", head: 3, asked: diverged }, { type: "became-visible" }] as const)
      expect(after(diverged, signal).agreement).toEqual({ kind: "diverged" });
  });
});

describe("reduce: failures and answers", () => {
  test("reduce: a failure shows when the call is tried again, and counts", () => {
    const once = after(ready, failed());
    expect(once).toMatchObject({ retryAt: at(1_000).now + BACKOFF_MS.first, progress: { failures: 1 } });
    const twice = after(once, failed(), 1_200);
    expect(twice).toMatchObject({ retryAt: at(1_200).now + 2 * BACKOFF_MS.first, progress: { failures: 2 } });
    const patient: SyncState = { ...ready, progress: { kind: "trying", failures: 0, notBefore: 90_000 } };
    expect(after(patient, failed())).toMatchObject({ retryAt: at(90_000).now, progress: { notBefore: 90_000 } });
  });

  test("reduce: a stopped loop stays stopped after a late failure, answer or divergence", () => {
    const stopped = after(ready, { type: "stopped", error });
    const late: readonly Signal[] = [
      failed(),
      { type: "pull-answered", head: 3, asked: ready },
      { type: "divergence-resolved" },
    ];
    for (const signal of late) expect(after(stopped, signal).progress).toEqual({ kind: "stopped", error });
  });

  test("reduce: a failed push on this device delays pushes, and a failed pull does not", () => {
    expect(after(ready, { type: "failed", retryAfterMs: null, warning: null, pushError: error }).push).toMatchObject({
      failures: 1,
      error,
    });
    expect(after(ready, failed()).push).toBe(ready.push);
  });

  test("reduce: a late failure of a stopped loop shows a time for the next try", () => {
    expect(after(after(ready, { type: "stopped", error }), failed()).retryAt).toBe(at(1_000).now + BACKOFF_MS.first);
  });

  test("reduce: a pull ends its turn, and needs no commits that were recorded", () => {
    const behind = { ids: ["a"], at: { position: 12, mark: "m" }, pullNext: true };
    const pulled = (state: SyncState) => after(state, { type: "pull-answered", head: 3, asked: state }).behind;
    expect([pulled({ ...ready, behind }), pulled(ready)]).toEqual([{ ...behind, pullNext: false }, null]);
  });

  test("reduce: a push that a firewall answered ends gzip, another failure does not", () => {
    const state: SyncState = { ...ready, size: { ...ready.size, gzip: true } };
    const gzip = (details: typeof error.details | { readonly text: string }) =>
      after(state, {
        type: "push-failed",
        sent: ["a"],
        error: { ...error, details },
        retryAfterMs: null,
        isSuspicious: true,
      }).size.gzip;
    expect([gzip({ text: "Blocked" }), gzip({})]).toEqual([false, true]);
  });

  test("reduce: an answer ends the failures and the warning, and notes when it came", () => {
    const warned: SyncState = { ...after(ready, failed()), warning: error };
    const answered = after(warned, { type: "pull-answered", head: 3, domain: 2, asked: warned }, 9_000);
    expect(answered).toMatchObject({
      warning: null,
      progress: { failures: 0 },
      agreement: { kind: "fresh", answeredAt: 9_000 },
      head: 3,
      domain: 2,
      lastSyncedAt: at(9_000).now,
    });
  });

  test("reduce: sums the bytes of answers and of pushes, and counts no page as sent", () => {
    const signals: readonly Signal[] = [
      { type: "received", bytes: 5 },
      { type: "received", bytes: 7 },
      { type: "carried", what: "pushBytes", bytes: 11, ms: 1 },
      { type: "carried", what: "pushBytes", bytes: 2, ms: 1 },
      { type: "carried", what: "pageBytes", bytes: 100, ms: 1 },
    ];
    const state = signals.reduce((before, signal) => after(before, signal), ready);
    expect(state.traffic).toEqual({ received: 12, sent: 13 });
  });

  test("reduce: a frame or a report raises the head, and never lowers it", () => {
    const known: SyncState = { ...ready, head: 5 };
    const heads = [4, 6].flatMap((head) => [
      after(known, { type: "frame-confirmed", head }).head,
      after(known, { type: "socket-reported", cursor: { position: head, mark: null }, head }).head,
    ]);
    expect(heads).toEqual([5, 5, 6, 6]);
    expect(after(known, { type: "frame-confirmed", head: 4 }).lastSyncedAt).toBe(at(1_000).now);
  });
});

describe("reduce: the socket", () => {
  const cursor = { position: 4, mark: "m4" };

  test("reduce: a socket that was open for ten seconds starts its waits again, one below does not", () => {
    const open = { kind: "open", failures: 3, cursor, openedAt: 1_000 } as const;
    const lost = (afterMs: number) =>
      after({ ...ready, socket: open }, { type: "socket-lost", retryAfterMs: null }, 1_000 + afterMs).socket;
    expect([lost(SOCKET_STABLE_MS - 1).failures, lost(SOCKET_STABLE_MS).failures]).toEqual([4, 1]);
  });

  test("reduce: a wake keeps an open socket, and forgets its failures", () => {
    const open = { kind: "open", failures: 3, cursor, openedAt: 1_000 } as const;
    expect(after({ ...ready, socket: open }, { type: "became-visible" }).socket).toEqual({ ...open, failures: 0 });
  });

  test("reduce: a socket that is closed here opens again at once, and keeps its failures", () => {
    for (const kind of ["opening", "open"] as const)
      expect(
        after({ ...ready, socket: { kind, failures: 3, cursor, openedAt: 0 } }, { type: "socket-closed" }).socket,
      ).toEqual({ kind: "closed", failures: 3, notBefore: 0 });
  });
});
