/**
 * The part of S3 and S8 that a batch shows by itself: records without gap behind the expected head, and no id twice.
 *
 * Place: every store calls this first, so that a writer's mistake is the same error everywhere, before anything is read.
 */
import { BugError } from "../../core/values/errors.ts";
import { positionOf } from "../../core/history/record.ts";
import type { Append } from "./event-store.ts";

/** Throws where a store must refuse the batch whatever it holds. */
export function checkAppend({ expected, records, outcomes }: Append): void {
  let end = positionOf(expected);
  const ids = new Map<string, string>();
  for (const { position, cursor, commit, actor } of records) {
    if (position !== end + 1 || cursor.position < position || !Number.isSafeInteger(cursor.position)) {
      throw new BugError("A batch has records that do not follow each other", {
        commit,
        after: end,
        position,
        end: cursor.position,
      });
    }
    end = cursor.position;
    if (ids.has(commit)) throw twice(commit);
    ids.set(commit, actor);
  }
  const refused = new Set<string>();
  for (const { commit, actor } of outcomes) {
    // Others may have been refused under the id of a record.
    const key = outcomeKey(commit, actor);
    if (refused.has(key) || ids.get(commit) === actor) throw twice(commit);
    refused.add(key);
  }
}

/** One text for a commit's id and an actor. Ids hold no space. */
export function outcomeKey(commit: string, actor: string): string {
  return `${commit} ${actor}`;
}

function twice(commit: string): BugError {
  return new BugError("A batch has two entries with the id of one commit", { commit });
}
