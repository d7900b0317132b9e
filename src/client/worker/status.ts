/** Makes the status of a log from the summaries of the engine and the sync loop: pure. */
import type { LogSummary } from "../engine/log-summary.ts";
import type { PlainError } from "../../core/values/errors.ts";
import type { Connection, LogStatus } from "../messages/log-types.ts";
import { type SyncState, type SyncSummary, syncSummary } from "../sync/sync-state.ts";
import type { LeaderSync } from "../messages/tab-messages.ts";

export type StatusInputs = {
  readonly standing: LogSummary;
  /** Null: a log without a server. */
  readonly sync: SyncState | null;
  readonly leader: boolean;
  /** The syncing of the leader as it last reported it, while another tab leads. */
  readonly led: LeaderSync | null;
  readonly error: PlainError | null;
};

export function statusOf({ standing, sync, leader, led, error }: StatusInputs): LogStatus {
  const { position } = standing;
  const summary = sync && syncSummary(sync);
  return {
    ...standing,
    connection: summary ? connectionOf(summary, led, position) : "local",
    leader,
    lastSyncedAt: (leader ? null : led?.lastSyncedAt) ?? summary?.lastSyncedAt ?? null,
    head: Math.max(position, summary?.head ?? 0),
    traffic: summary?.traffic ?? { received: 0, sent: 0 },
    error: error ?? summary?.error ?? null,
  };
}

/** The syncing of this tab, as it reports it to the tabs that follow. */
export function leaderSync({ connection, lastSyncedAt }: LogStatus): LeaderSync {
  return { state: connection === "offline" || connection === "stopped" ? connection : "going", lastSyncedAt };
}

function connectionOf(
  { activity, head, isSocketOpen }: SyncSummary,
  led: LeaderSync | null,
  position: number,
): Connection {
  switch (activity) {
    case "following":
      return led && led.state !== "going" ? led.state : activity;
    case "fresh":
      if (head > position) return "catching-up";
      return isSocketOpen ? "live" : "connecting";
    default:
      return activity;
  }
}
