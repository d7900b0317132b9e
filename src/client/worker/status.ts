/** Makes the status of a log from the summaries of the engine and the sync loop: pure. */
import type { LogSummary } from "../engine/log-summary.ts";
import type { PlainError } from "../../core/values/errors.ts";
import type { Connection, ReducedFeature } from "../messages/log-types.ts";
import type { WorkerStatus } from "../messages/worker-messages.ts";
import { type SyncState, type SyncSummary, syncSummary } from "../sync/sync-state.ts";
import type { LeaderSync } from "../messages/tab-messages.ts";

export type StatusInputs = {
  /** The version of this tab's domain. */
  readonly domain: number;
  readonly standing: LogSummary;
  /** Null: a log without a server. */
  readonly sync: SyncState | null;
  /** Whether this tab holds the lead. A log with a server leads only once its sync loop does. */
  readonly leader: boolean;
  /** The syncing of the leader as it last reported it, while another tab leads. */
  readonly led: LeaderSync | null;
  readonly reduced: readonly ReducedFeature[];
  readonly error: PlainError | null;
};

export function statusOf(inputs: StatusInputs): WorkerStatus {
  const { domain, standing, sync, leader: holdsLead, led, reduced, error } = inputs;
  const { position } = standing;
  // From the state that `connection` comes from. Otherwise a tab that just got the lead would show "following" too.
  const leader = sync ? sync.tab.isLeader : holdsLead;
  const summary = sync && syncSummary(sync);
  const isStopped = error !== null && isGone(error);
  return {
    ...standing,
    connection: isStopped ? "stopped" : summary ? connectionOf(summary, led, position) : "local",
    leader: leader && !isStopped,
    lastSyncedAt: (leader ? null : led?.lastSyncedAt) ?? summary?.lastSyncedAt ?? null,
    head: Math.max(position, summary?.head ?? 0),
    reduced,
    outdated: Math.max(summary?.domain ?? 0, led?.domain ?? 0) > domain,
    error: error ?? summary?.error ?? null,
  };
}

/** True: the database does not exist any more. */
export function isGone({ code, details: { reason } }: PlainError): boolean {
  return code === "storage-lost" && (reason === "deleted" || reason === "replaced");
}

/** The syncing of this tab, as it reports it to the tabs that follow. `domain`: the newest that this tab knows. */
export function leaderSync({ connection, lastSyncedAt }: WorkerStatus, domain: number): LeaderSync {
  return { state: connection === "offline" || connection === "stopped" ? connection : "going", lastSyncedAt, domain };
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
