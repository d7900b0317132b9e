/** A log in short: the part of the status that the engine knows, and a text to compare two states of a store. */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { LogStatus, SentAgain } from "../messages/log-types.ts";
import type { StoreHead } from "../stores/log-store.ts";
import type { LocalLog } from "./local-log.ts";

/** Doubtful commits that are listed. `pending` counts the others too. */
export const DOUBTFUL_MAX = 100;

/** A log as of the rows that were last reported. Memory may be ahead of it, because a step is under way. */
export type LogSummary = Pick<
  LogStatus,
  "pending" | "waitingSince" | "doubtful" | "rejections" | "position" | "parked" | "sentAgain"
>;

export function summarizeLog({ replica, rejections }: LocalLog, sentAgain: SentAgain | null): LogSummary {
  return {
    pending: replica.pending.length,
    waitingSince: replica.pending[0]?.commit.time ?? null,
    doubtful: replica.doubtful
      .slice(0, DOUBTFUL_MAX)
      .flatMap(({ commit, forecast }) =>
        "defect" in forecast
          ? [{ commit: commit.id, code: forecast.defect.code, message: forecast.defect.message }]
          : [],
      ),
    rejections: rejections.length,
    position: positionOf(replica.cursor),
    parked: replica.parked,
    sentAgain,
  };
}

/** The facts of the store that a tab knows. */
type KnownStore = {
  readonly head: StoreHead;
  readonly replica: { readonly cursor: Cursor | null };
  readonly pendingCount: number;
  readonly rejections: readonly unknown[];
};

/** A text that differs if two tabs know different states of the store, or if a call changed it. */
export function storeFingerprint({ head, replica, pendingCount, rejections }: KnownStore): string {
  return [head.generation, positionOf(replica.cursor), head.pendingTail, pendingCount, rejections.length].join(" ");
}
