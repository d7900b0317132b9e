/**
 * One step of the verb `verify`: reads a page of the rows that are read and of the rows beside them, which are at one
 * cursor, and returns the write that notes the differences.
 *
 * Guarantees (read-models.verbs.test.ts):
 * - Both rows of a key are of one cursor: the write names both revisions.
 * - A crash between two pages loses no result.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { ModelWrite } from "../stores/model-store.ts";
import { compareRows } from "./compare-rows.ts";
import { type FollowerNotes, nextOf } from "./follower-notes.ts";
import type { FoldContext } from "./fold-task.ts";
import type { FoldTask } from "./next-step.ts";
import { ROWS } from "./read-model.ts";

const PAGE = { limit: 500, bytes: 1024 * 1024 };

/** Returns null if one of the followers moved. */
export async function compareTask(
  { modelStore, env }: FoldContext,
  log: LogName,
  { model, name, revision, at, notes, compares }: FoldTask,
): Promise<ModelWrite | null> {
  const job = notes?.job;
  if (!compares || !notes || !job?.comparison) return null;
  const range = { from: null, to: null, after: job.comparison.to, ...PAGE };
  const stored = await modelStore.rows(log, model.follower, ROWS, range);
  const folded = await modelStore.rows(log, name, ROWS, range);
  if (!stored || !folded) return null;
  if (stored.follower.revision !== compares.revision || folded.follower.revision !== revision) return null;
  const { next: comparison, isEnded } = compareRows(job.comparison, stored, folded);
  const next: FollowerNotes = {
    ...notes,
    movedAt: env.now(),
    job: { ...job, comparison, state: isEnded ? "done" : job.state },
  };
  return {
    followers: [
      { name: model.follower, revision: compares.revision, next: "check" },
      { name, revision, next: nextOf(at, next, isEnded ? null : "keep") },
    ],
    rows: [],
  };
}
