/** Makes the status of a log from the summaries of the engine and the sync loop: pure. */
import type { LogSummary } from "../engine/log-summary.ts";
import type { PlainError } from "../../core/values/plain-error.ts";
import type { CommitCommand } from "../../core/history/commit.ts";
import type { CommitId } from "../../core/values/ids.ts";
import type { Connection, ReducedFeature, StuckCommit } from "../messages/log-types.ts";
import type { WorkerStatus } from "../messages/worker-messages.ts";
import type { StuckPush } from "../sync/push-state.ts";
import { type SyncState, type SyncSummary, syncSummary } from "../sync/sync-state.ts";
import type { LeaderSync } from "../messages/tab-messages.ts";

export type StatusInputs = {
  /** The version of this tab's domain. */
  readonly domain: number;
  readonly log: LogSummary;
  /** Null: a log without a server. */
  readonly sync: SyncState | null;
  /** Whether this tab holds the lead. A log with a server leads only once its sync loop does. */
  readonly leader: boolean;
  /** The syncing of the leader as it last reported it, while another tab leads. */
  readonly led: LeaderSync | null;
  readonly reduced: readonly ReducedFeature[];
  readonly error: PlainError | null;
  /** The first command of a pending commit. */
  readonly commandOf: (id: CommitId) => CommitCommand | undefined;
};

export function statusOf(inputs: StatusInputs): WorkerStatus {
  const { domain, log, sync, leader: holdsLead, led, reduced, error, commandOf } = inputs;
  const { position } = log;
  // From the state that `connection` comes from. Otherwise a tab that just got the lead would show "following" too.
  const leader = sync ? sync.tab.isLeader : holdsLead;
  const summary = sync && syncSummary(sync);
  const isStopped = error !== null && isGone(error);
  const found = sync?.push.stuck.toSorted((left, right) => left.since - right.since).find(({ id }) => commandOf(id));
  const own = { error: summary?.error ?? found?.error ?? null, stuck: found ? stuckCommit(found, commandOf) : null };
  // The last error of a tab that once led is not the leader's.
  const { error: syncError = null, stuck = null } = leader || !led ? own : led;
  return {
    ...log,
    connection: isStopped ? "stopped" : summary ? connectionOf(summary, led, position) : "local",
    leader: leader && !isStopped,
    lastSyncedAt: (leader ? null : led?.lastSyncedAt) ?? summary?.lastSyncedAt ?? null,
    retryAt: summary?.retryAt ?? null,
    head: Math.max(position, summary?.head ?? 0),
    traffic: summary?.traffic ?? { received: 0, sent: 0 },
    reduced,
    outdated: Math.max(summary?.domain ?? 0, led?.domain ?? 0) > domain,
    stuck: stuck && commandOf(stuck.commit) ? stuck : null,
    error: error ?? syncError,
  };
}

/** True: the database does not exist any more. */
export function isGone({ code, details: { reason } }: PlainError): boolean {
  return code === "storage-lost" && (reason === "deleted" || reason === "replaced");
}

function stuckCommit({ id, since, error }: StuckPush, commandOf: StatusInputs["commandOf"]): StuckCommit {
  const { status, code, text } = error.details;
  return {
    commit: id,
    command: commandOf(id)?.name ?? "",
    stream: commandOf(id)?.stream ?? "",
    since,
    status: typeof status === "number" ? status : null,
    code: typeof code === "string" ? code : null,
    text: typeof text === "string" ? text : error.message,
  };
}

/** The syncing of this tab, as it reports it to the tabs that follow. `domain`: the newest that this tab knows. */
export function leaderSync({ connection, lastSyncedAt, error, stuck }: WorkerStatus, domain: number): LeaderSync {
  const state = connection === "offline" || connection === "stopped" ? connection : "going";
  return { state, lastSyncedAt, domain, error, stuck };
}

function connectionOf(
  { activity, head, isSocketOpen }: SyncSummary,
  led: LeaderSync | null,
  position: number,
): Connection {
  switch (activity) {
    case "following":
      // Until a leader is heard, this tab may become the leader.
      if (!led) return "connecting";
      return led.state === "going" ? activity : led.state;
    case "fresh":
      if (head > position) return "catching-up";
      return isSocketOpen ? "live" : "connecting";
    default:
      return activity;
  }
}
