// The state that a person sees, and the step of a loop that has little to do.
import { describe, expect, test } from "vitest";
import { initialPushState, STUCK_FAILURES } from "../../../../src/client/sync/push-state.ts";
import { initialSyncState, nextStep, type SyncState, syncSummary } from "../../../../src/client/sync/sync-state.ts";

const cursor = { position: 10, mark: "00000000000000aa" };
const leads = { isLeader: true, isPaused: false };
const ready: SyncState = { ...initialSyncState, tab: leads, agreement: { kind: "fresh", answeredAt: 0 }, head: 10 };
const error = (code: "gone" | "unauthorized" | "unreachable" | "storage-full") =>
  ({ code, message: "", fix: "", retry: "never", details: {} }) as const;
const stopped = { kind: "stopped", error: error("gone") } as const;
const failing = { kind: "trying", failures: 1, notBefore: 0 } as const;

describe("syncSummary", () => {
  test.each<readonly [string, Partial<SyncState>]>([
    ["fresh", {}],
    ["connecting", { agreement: { kind: "stale" } }],
    ["connecting", { agreement: { kind: "diverged" } }],
    ["offline", { progress: failing }],
    ["offline", { progress: failing, warning: error("storage-full") }],
    ["stopped", { progress: failing, warning: error("unauthorized") }],
    ["fresh", { warning: error("unauthorized") }],
    ["stopped", { progress: stopped }],
    ["following", { progress: stopped, tab: { isLeader: false, isPaused: false } }],
    ["following", { tab: { isLeader: false, isPaused: false } }],
    ["paused", { progress: stopped, tab: { isLeader: false, isPaused: true } }],
    ["paused", { tab: { isLeader: true, isPaused: true } }],
  ])("syncSummary: shows %s", (activity, change) => {
    expect(syncSummary({ ...ready, ...change }).activity).toBe(activity);
  });

  test("syncSummary: shows the time of the next try only while the device is offline", () => {
    const retryAt = ([{ progress: failing }, {}, { progress: stopped }] as const).map(
      (change) => syncSummary({ ...ready, retryAt: 77, ...change }).retryAt,
    );
    expect(retryAt).toEqual([77, null, null]);
  });

  test("syncSummary: shows whether the socket is open", () => {
    const isOpen = (["open", "opening"] as const).map(
      (kind) => syncSummary({ ...ready, socket: { kind, failures: 0, cursor, openedAt: 0 } }).isSocketOpen,
    );
    expect([...isOpen, syncSummary(ready).isSocketOpen]).toEqual([true, false, false]);
  });

  test("syncSummary: shows the reason of the stop, then the warning, then pushes that fail", () => {
    const push = { ...initialPushState, error: error("unreachable") };
    const shown = (change: Partial<SyncState>) => syncSummary({ ...ready, ...change }).error?.code ?? null;
    const all = { push: { ...push, failures: STUCK_FAILURES }, warning: error("storage-full") };
    expect(shown({ ...all, progress: stopped })).toBe("gone");
    expect(shown(all)).toBe("storage-full");
    expect(shown({ ...all, warning: null })).toBe("unreachable");
    expect(shown({ push: { ...push, failures: STUCK_FAILURES - 1 } })).toBe(null);
  });
});

describe("nextStep", () => {
  const inputs = { now: 1_000, cursor, pending: 0, stuckAt: null, isRefilling: false };

  test("nextStep: rests until the first of its waits", () => {
    const state: SyncState = {
      ...ready,
      push: { ...initialPushState, notBefore: 9_000 },
      socket: { kind: "closed", failures: 1, notBefore: 5_000 },
    };
    expect(nextStep(state, { ...inputs, pending: 1 })).toEqual({ do: "rest", until: 5_000 });
    expect(nextStep(state, { ...inputs, pending: 1, stuckAt: 4_000 })).toEqual({ do: "rest", until: 4_000 });
  });

  test("nextStep: a pull has its turn only if the log is behind the server", () => {
    const behind = { ids: ["a"], at: { position: 12, mark: "m" }, pullNext: true };
    const step = (head: number, pullNext = true) =>
      nextStep({ ...ready, head, behind: { ...behind, pullNext } }, { ...inputs, pending: 1 }).do;
    expect([step(10), step(11), step(11, false)]).toEqual(["push", "pull", "push"]);
  });

  test("nextStep: a new tab does not lead, so it rests", () => {
    expect(nextStep(initialSyncState, inputs)).toEqual({ do: "rest", until: null });
    const made: SyncState = { ...initialSyncState, tab: { ...initialSyncState.tab, isLeader: true } };
    expect(nextStep(made, inputs)).toEqual({ do: "pull" });
  });
});
