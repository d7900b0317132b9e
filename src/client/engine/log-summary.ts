/** The part of the status that the engine knows: counts, doubtful commits, the position. */
import { positionOf } from "../../core/history/record.ts";
import type { Replica } from "../../core/replica/replica.ts";
import type { LogStatus } from "../messages/log-types.ts";

/** How a log stood when its rows were last told: a step that is under way has moved on in memory, and nobody has seen its rows. */
export type LogSummary = Pick<LogStatus, "pending" | "doubtful" | "rejections" | "position" | "parked">;

export function summarizeLog(replica: Replica, rejections: number): LogSummary {
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

/** Doubtful commits that are listed; the rest is in `pending`. */
export const DOUBTFUL_MAX = 100;
