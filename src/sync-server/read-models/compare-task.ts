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
import { ALL_ROWS } from "../stores/read-keys.ts";
import { type Comparison, compareRows } from "./compare-rows.ts";
import { compareSql } from "./compare-sql.ts";
import { type FollowerNotes, nextOf } from "./follower-notes.ts";
import type { FoldContext } from "./fold-task.ts";
import type { FoldTask } from "./next-step.ts";
import { ROWS } from "./read-model.ts";

/** Returns null if one of the followers moved. */
export async function compareTask(
  context: FoldContext,
  log: LogName,
  { model, name, revision, at, notes, compares }: FoldTask,
): Promise<ModelWrite | null> {
  const { modelStore } = context;
  const job = notes?.job;
  if (!compares || !notes || !job?.comparison) return null;
  if (model.sql) return compareSqlTask(context, log, { model, name, revision, at, notes, compares });
  const range = { ...ALL_ROWS, after: job.comparison.to };
  const stored = await modelStore.rows(log, model.follower, ROWS, range);
  const folded = await modelStore.rows(log, name, ROWS, range);
  if (!stored || !folded) return null;
  if (stored.follower.revision !== compares.revision || folded.follower.revision !== revision) return null;
  const { next, isEnded } = compareRows(job.comparison, stored, folded);
  return noted(context, { model, name, revision, at, notes, compares }, next, isEnded);
}

/** The same for a SQL model, whose tables are compared one after the other. */
async function compareSqlTask(context: FoldContext, log: LogName, task: FoldTask): Promise<ModelWrite | null> {
  const { model, name, revision, notes, compares } = task;
  const { sql } = context.modelStore;
  const comparison = notes?.job?.comparison;
  if (!sql || !comparison || !compares) return null;
  const tables = [...(model.sql?.tables.keys() ?? [])];
  const compared = await compareSql(sql, { log, stored: model.follower, folded: name, tables }, comparison);
  if (!compared) return null;
  const { next, isEnded, revisions } = compared;
  if (revisions.stored.some((one) => one !== compares.revision)) return null;
  return revisions.folded.some((one) => one !== revision) ? null : noted(context, task, next, isEnded);
}

/** The write that notes a comparison. */
function noted(
  { env }: FoldContext,
  { model, name, revision, at, notes, compares }: FoldTask,
  comparison: Comparison,
  isEnded: boolean,
): ModelWrite | null {
  const job = notes?.job;
  if (!job || !compares) return null;
  const next: FollowerNotes = {
    ...notes,
    movedAt: env.now(),
    job: { ...job, comparison, state: isEnded ? "done" : job.state },
  };
  return {
    followers: [
      { name: model.follower, revision: compares.revision, next: "check" },
      { name, revision, next: nextOf(model, at, next, isEnded ? null : "keep", "keep") },
    ],
    rows: [],
  };
}
