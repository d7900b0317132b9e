/**
 * One step of the verb `verify`: reads a page of the rows that are read, brings the rows beside them to the cursor of
 * that page, and returns the write that notes the differences.
 *
 *     rows that are read      page at 90 ─┐     moves on to 97 with the appends
 *     rows beside them        at 85 ── 90 ┴──> compared at 90, and noted at their own revision
 *
 * Guarantees (read-models.verbs.test.ts, read-models.verify-under-load.test.ts):
 * - Both rows of a key are of one cursor, because the rows beside are folded to the cursor of the page.
 * - Only the rows beside must not move. So it ends in a log with many commits, where a strong model moves with each.
 * - A row that an operator deletes meanwhile moves the rows beside too, so that the page is compared again.
 * - A crash between two pages loses no result.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { ModelWrite } from "../stores/model-store.ts";
import { ALL_ROWS } from "../stores/read-keys.ts";
import { type Comparison, compareRows } from "./compare-rows.ts";
import { compareSql } from "./compare-sql.ts";
import { type FollowerNotes, nextOf } from "./follower-notes.ts";
import type { FoldContext } from "./fold-task.ts";
import type { FoldTask, ReadFollower } from "./next-step.ts";
import { ROWS } from "./read-model.ts";

/** Folds the rows beside up to the cursor of rows that were read. Null: another writer was faster. */
export type Reach = (task: FoldTask, read: ReadFollower) => Promise<FoldTask | null>;

/** Returns null if the rows beside moved. */
export async function compareTask(
  context: FoldContext,
  log: LogName,
  task: FoldTask,
  reach: Reach,
): Promise<ModelWrite | null> {
  const { modelStore } = context;
  const comparison = task.notes?.job?.comparison;
  if (!comparison) return null;
  if (task.model.sql) return compareSqlTask(context, log, task, comparison, reach);
  const range = { ...ALL_ROWS, after: comparison.to };
  const stored = await modelStore.rows(log, task.model.follower, ROWS, range);
  const reached = stored && (await reach(task, stored.follower));
  const folded = reached && (await modelStore.rows(log, task.name, ROWS, range));
  if (!folded || folded.follower.revision !== reached.revision) return null;
  const { next, isEnded } = compareRows(comparison, stored, folded);
  return noted(context, reached, next, isEnded);
}

/** The same for a SQL model, whose tables are compared one after the other. */
async function compareSqlTask(
  context: FoldContext,
  log: LogName,
  task: FoldTask,
  comparison: Comparison,
  reach: Reach,
): Promise<ModelWrite | null> {
  const { sql } = context.modelStore;
  const { model, name } = task;
  if (!sql) return null;
  let reached: FoldTask | null = task;
  const tables = [...(model.sql?.tables.keys() ?? [])];
  const compared = await compareSql(
    sql,
    { log, stored: model.follower, folded: name, tables },
    comparison,
    async (read) => {
      reached = reached && (await reach(reached, read));
      return reached?.revision ?? null;
    },
  );
  return compared && reached && noted(context, reached, compared.next, compared.isEnded);
}

/** The write that notes a comparison. */
function noted(
  { env }: FoldContext,
  { model, name, revision, at, notes }: FoldTask,
  comparison: Comparison,
  isEnded: boolean,
): ModelWrite | null {
  const job = notes?.job;
  if (!job) return null;
  const next: FollowerNotes = {
    ...notes,
    movedAt: env.now(),
    job: { ...job, comparison, state: isEnded ? "done" : job.state },
  };
  return {
    followers: [{ name, revision, next: nextOf(model, at, next, isEnded ? null : "keep", "keep") }],
    rows: [],
  };
}
