/** Makes the status of a log from the summaries of the engine and the sync loop: pure. */
import type { LogSummary } from "../engine/log-summary.ts";
import type { PlainError } from "../../core/values/errors.ts";
import type { Connection, LogStatus } from "../messages/log-types.ts";
import type { SyncState } from "../sync/sync-state.ts";
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
  return {
    ...standing,
    connection: sync ? connectionOf(sync, led, position) : "local",
    leader,
    lastSyncedAt: (leader ? null : led?.lastSyncedAt) ?? sync?.lastSyncedAt ?? null,
    head: Math.max(position, sync?.head ?? 0),
    error: error ?? sync?.stopped ?? sync?.warning ?? null,
  };
}

/** The syncing of this tab, as it reports it to the tabs that follow. */
export function leaderSync({ connection, lastSyncedAt }: LogStatus): LeaderSync {
  return { state: connection === "offline" || connection === "stopped" ? connection : "going", lastSyncedAt };
}

function connectionOf(sync: SyncState, led: LeaderSync | null, position: number): Connection {
  if (sync.paused) return "paused";
  if (!sync.online) return "offline";
  if (!sync.leader) return led && led.state !== "going" ? led.state : "following";
  if (sync.stopped) return "stopped";
  if (sync.failures > 0) return "offline";
  if (!sync.isFresh || sync.diverged) return "connecting";
  if (sync.head > position) return "catching-up";
  return sync.socket === "open" ? "live" : "connecting";
}
