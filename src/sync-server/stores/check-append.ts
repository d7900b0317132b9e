/**
 * The checks of S3 and S8 that need only the batch: the records follow `expected` and each other, and no id is there
 * twice.
 *
 * Every store calls this before it reads anything, so that a mistake of the writer is the same error in each of them.
 */
import { BugError } from "../../core/values/errors.ts";
import { positionOf } from "../../core/history/record.ts";
import { checkModelWrite } from "./check-model-write.ts";
import type { Append } from "./event-store.ts";

/** Throws a BugError if the batch is wrong for every store, whatever the log contains. */
export function checkAppend({ expected, records, outcomes, models }: Append): void {
  if (models) {
    checkModelWrite(models);
    // A write without a record belongs into `write` of the port of models, which needs no head.
    if (records.length === 0) throw new BugError("An append with read models has no record");
  }
  let end = positionOf(expected);
  const actorOf = new Map<string, string>();
  for (const { position, cursor, commit, actor } of records) {
    if (position !== end + 1 || cursor.position < position || !Number.isSafeInteger(cursor.position)) {
      throw new BugError("The records of a batch do not follow each other", {
        commit,
        after: end,
        position,
        end: cursor.position,
      });
    }
    end = cursor.position;
    if (actorOf.has(commit)) throw duplicate(commit);
    actorOf.set(commit, actor);
  }
  const refused = new Set<string>();
  for (const { commit, actor } of outcomes) {
    // Other actors may have been rejected under the id of a record.
    const key = outcomeKey(commit, actor);
    if (refused.has(key) || actorOf.get(commit) === actor) throw duplicate(commit);
    refused.add(key);
  }
}

/** One key for a commit's id and an actor. It is unique, because ids contain no space. */
export function outcomeKey(commitId: string, actor: string): string {
  return `${commitId} ${actor}`;
}

function duplicate(commit: string): BugError {
  return new BugError("A batch has two entries with the same commit id", { commit });
}
