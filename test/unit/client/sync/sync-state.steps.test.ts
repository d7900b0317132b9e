// Single lines of `nextStep`: what a device does next, by what it knows.
import { describe, expect, test } from "vitest";
import {
  initialSyncState,
  nextStep,
  type SocketCursor,
  type SyncInputs,
  type SyncState,
} from "../../../../src/client/sync/sync-state.ts";

const state = (changed: Partial<SyncState>): SyncState => ({
  ...initialSyncState,
  tab: { isLeader: true, isPaused: false },
  ...changed,
});
const inputs = (changed: Partial<SyncInputs>): SyncInputs => ({
  now: 100_000,
  cursor: null,
  pending: 0,
  stuckAt: null,
  isRefilling: false,
  ...changed,
});

describe("nextStep", () => {
  test("nextStep: a push that failed comes after a pull, and so does a stuck commit", () => {
    const fine = state({ agreement: { kind: "stale" } });
    const failed = state({ agreement: { kind: "stale" }, push: { ...initialSyncState.push, failures: 1 } });
    expect(nextStep(fine, inputs({ pending: 1 }))).toEqual({ do: "push" });
    expect(nextStep(failed, inputs({ pending: 1 }))).toEqual({ do: "pull" });
    expect(nextStep(fine, inputs({ stuckAt: 0 }))).toEqual({ do: "pull" });
  });

  const following = (cursor: SocketCursor) =>
    nextStep(
      state({
        agreement: { kind: "fresh", answeredAt: 0 },
        head: 7,
        socket: { kind: "open", failures: 0, openedAt: 0, cursor },
      }),
      inputs({ cursor: { position: 7, mark: "m7" } }),
    );

  test.each([
    ["the same record", { position: 7, mark: "m7" }],
    ["a hint of the same position", { position: 7, mark: null }],
    ["a later record", { position: 9, mark: "m9" }],
  ])("nextStep: rests after the socket reported %s", (_, cursor) => {
    expect(following(cursor)).toEqual({ do: "rest", until: null });
  });

  test.each([
    ["another record at its position", { position: 7, mark: "other" }],
    ["only earlier records", { position: 6, mark: "m6" }],
  ])("nextStep: pulls after a while if the socket reported %s", (_, cursor) => {
    expect(following(cursor)).toEqual({ do: "pull" });
  });
});
