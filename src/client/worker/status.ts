/** What a person is told of a log's state, from what the engine and the sync loop know: pure. */
import type { PlainError } from "../../core/values/errors.ts";
import { positionOf } from "../../core/history/record.ts";
import type { Replica } from "../../core/replica/replica.ts";
import type { Connection, LogStatus } from "../page/log-handle.ts";
import type { SyncFacts } from "../sync/sync-state.ts";
import type { LeaderSync } from "../messages/tab-messages.ts";

/** How a log stood when its rows were last told: a step that is under way has moved on in memory, and nobody has seen its rows. */
export type Standing = Pick<LogStatus, "pending" | "doubtful" | "rejections" | "position" | "parked">;

export type StatusInputs = {
  readonly standing: Standing;
  /** Null: a log without a server. */
  readonly sync: SyncFacts | null;
  readonly leader: boolean;
  /** What the tab that leads last said of its syncing, where another one does. */
  readonly led: LeaderSync | null;
  readonly error: PlainError | null;
};

/** Doubtful commits that are listed; the rest is in `pending`. */
const DOUBTFUL_MAX = 100;

export function standingOf(replica: Replica, rejections: number): Standing {
  return {
    pending: replica.pending.length,
    doubtful: replica.doubtful
      .slice(0, DOUBTFUL_MAX)
      .flatMap(({ commit, forecast }) =>
        "defect" in forecast
          ? [{ commit: commit.id, code: forecast.defect.code, message: forecast.defect.message }]
          : [],
      ),
    rejections,
    position: positionOf(replica.cursor),
    parked: replica.parked,
  };
}

export function statusOf({ standing, sync, leader, led, error }: StatusInputs): LogStatus {
  const { position } = standing;
  return {
    ...standing,
    connection: sync ? connectionOf(sync, led, position) : "local",
    leader,
    lastSyncedAt: (leader ? null : led?.lastSyncedAt) ?? sync?.lastSyncedAt ?? null,
    head: Math.max(position, sync?.head ?? 0),
    error: error ?? sync?.stopped ?? sync?.trouble ?? null,
  };
}

/** What a leader tells the tabs that follow it. */
export function leaderSync({ connection, lastSyncedAt }: LogStatus): LeaderSync {
  return { state: connection === "offline" || connection === "stopped" ? connection : "going", lastSyncedAt };
}

function connectionOf(sync: SyncFacts, led: LeaderSync | null, position: number): Connection {
  if (sync.paused) return "paused";
  if (!sync.online) return "offline";
  if (!sync.leader) return led && led.state !== "going" ? led.state : "following";
  if (sync.stopped) return "stopped";
  if (sync.failures > 0) return "offline";
  if (!sync.checked || sync.diverged) return "connecting";
  if (sync.head > position) return "catching-up";
  return sync.socket === "open" ? "live" : "connecting";
}
