/** The part of the status that the engine knows: counts, doubtful commits, the position. */
import { positionOf } from "../../core/history/record.ts";
import type { LogStatus, SentAgain } from "../messages/log-types.ts";
import type { LocalLog } from "./local-log.ts";

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

/** Doubtful commits that are listed. `pending` counts the others too. */
export const DOUBTFUL_MAX = 100;
