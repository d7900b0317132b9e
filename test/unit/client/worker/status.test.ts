import fc from "fast-check";
import { expect, test } from "vitest";
import type { LogSummary } from "../../../../src/client/engine/log-summary.ts";
import { initialSyncState, type SyncState } from "../../../../src/client/sync/sync-state.ts";
import { statusOf, type StatusInputs } from "../../../../src/client/worker/status.ts";

const log: LogSummary = {
  pending: 0,
  waitingSince: null,
  doubtful: [],
  rejections: 0,
  position: 0,
  parked: { count: 0, events: [] },
  sentAgain: null,
};
const led = fc.option(
  fc.record({
    state: fc.constantFrom("going" as const, "offline" as const, "stopped" as const),
    lastSyncedAt: fc.option(fc.nat()),
  }),
);
const sync: fc.Arbitrary<SyncState> = fc
  .record({ isLeader: fc.boolean(), isPaused: fc.boolean() })
  .map((tab) => ({ ...initialSyncState, tab }));
const inputs: fc.Arbitrary<StatusInputs> = fc.record({
  domain: fc.constant(1),
  log: fc.constant(log),
  sync: fc.option(sync),
  leader: fc.boolean(),
  led,
  reduced: fc.constant([]),
  commandOf: fc.constant(() => undefined),
  error: fc.constant(null),
});

test("statusOf: connection is never following while leader is true", () => {
  fc.assert(
    fc.property(inputs, (given) => {
      const { connection, leader } = statusOf(given);
      expect(leader && connection === "following").toBe(false);
      if (given.sync === null) expect(leader).toBe(given.leader);
    }),
  );
});

test("statusOf: outdated is true only if the server or the leader knows a newer domain", () => {
  const versions = fc.nat({ max: 5 });
  fc.assert(
    fc.property(versions, versions, fc.option(versions), (own, server, leader) => {
      const { outdated } = statusOf({
        domain: own,
        log,
        sync: { ...initialSyncState, domain: server },
        leader: false,
        led: leader === null ? null : { state: "going", lastSyncedAt: null, domain: leader },
        reduced: [],
        commandOf: () => undefined,
        error: null,
      });
      expect(outdated).toBe(server > own || (leader ?? 0) > own);
    }),
  );
});
