/** The state of a read model in a log, for the code of the server and its operators. */
import { type Cursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Json, parseOwnJson } from "../../core/values/json.ts";
import type { Comparison } from "../read-models/compare-rows.ts";
import type { JobProgress } from "../read-models/job.ts";
import type { ModelJobs } from "../read-models/model-jobs.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import { gone } from "../base/gone.ts";

/** A read model in a log. */
export type ModelStatus = {
  /** The model's name. */
  readonly name: string;
  /** The name and version of the model, with the versions of its aggregates. */
  readonly identity: string;
  /**
   * `missing`: nothing was built yet. `building`: no reader gets rows yet. `ready`: readers get rows. `purged`: an
   * operator removed the rows, and no job builds them.
   */
  readonly phase: "missing" | "building" | "ready" | "purged";
  /** The cursor up to which the rows contain the log. Null: none. */
  readonly at: string | null;
  /** The events of the log that the rows do not contain yet. */
  readonly behind: number;
  /** The events that the rows lack, because they could not be folded. */
  readonly parked: number;
  /** The job that builds or compares rows beside these, or the last one. Null: there was none. */
  readonly job: JobProgress | null;
  /** The reason why the last work on the rows of this log failed on this node. It is tried again. Null: it did not. */
  readonly lastError: string | null;
};

/** The rows that are read, compared with those of the log. */
export type Verified<Row> = {
  /** The cursor of the last comparison. Null: the log has no record. */
  readonly at: string | null;
  /** The number of rows that were compared. */
  readonly rows: number;
  /** The rows that differ: at most 100. Null: there is no row. A damaged row that is no JSON is shown as its text. */
  readonly differences: readonly { readonly key: string; readonly stored: Row | null; readonly folded: Row | null }[];
  /** True: there are more differences. */
  readonly more: boolean;
};

/** A read model in a log, with the result of its last comparison. */
export type ModelDetails = ModelStatus & {
  /** The result of the last `verify`, so far. Null: the last job is no comparison. */
  readonly verified: Verified<Json> | null;
};

export async function statusOf(jobs: ModelJobs, log: LogName, model: ReadModel): Promise<ModelDetails> {
  const facts = await jobs.facts(log, model);
  if (!facts) throw gone(log);
  const { follower, notes, missing, head, job } = facts;
  const at = follower?.at ?? null;
  const [done, of] = [positionOf(at), positionOf(head)];
  const isPopulated =
    job?.progress.kind === "build" && job.progress.phase !== "done" && job.progress.phase !== "cancelled";
  return {
    name: model.name,
    identity: model.identity,
    phase: notes?.phase === "ready" ? "ready" : notes || isPopulated ? missing : "missing",
    at: at && encodeCursor(at),
    // A log that was restored in part may end before the rows. Then they are folded again.
    behind: done > of ? of : of - done,
    parked: notes?.parkedCount ?? 0,
    job: job?.progress ?? null,
    lastError: facts.failure,
    verified: job?.comparison ? verifiedOf<Json>(job.at, job.comparison) : null,
  };
}

/** The list of models has no results of comparisons, because they may be large. */
export function withoutVerified({ verified: _verified, ...status }: ModelDetails): ModelStatus {
  return status;
}

export function verifiedOf<Row>(at: Cursor | null, comparison: Comparison): Verified<Row> {
  const { rows, differences, more } = comparison;
  return {
    at: at && encodeCursor(at),
    rows,
    differences: differences.map(({ key, stored, folded }) => {
      return { key, stored: rowOf<Row>(stored), folded: rowOf<Row>(folded) };
    }),
    more,
  };
}

/** A damaged row may be no JSON. Then it is shown as its text. */
function rowOf<Row>(text: string | null): Row | null {
  if (text === null) return null;
  try {
    return parseOwnJson<Row>(text);
  } catch {
    return parseOwnJson<Row>(JSON.stringify(text));
  }
}
