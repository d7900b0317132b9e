/**
 * Writes followers by: read, decide, write on the revisions that were read, and again if another node was faster.
 *
 * Guarantees (read-models.partial-restore.test.ts): a follower whose cursor the log lost begins again. Otherwise no
 * verb could change or end its job.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { Follower, ModelStore, ModelWrite } from "../stores/model-store.ts";
import { emptyNotes, notesOf, notesText } from "./follower-notes.ts";

/** A follower. `isLost`: the log was restored and does not contain its cursor, so that its tables must begin again. */
export type FoundFollower = Follower & { readonly isLost?: true };

/** The followers of a log by name. */
export type FindFollower = (name: string) => FoundFollower | undefined;

/** The decision of a call: the write that it needs, and its result. Without a write, nothing changes. */
export type Decided<Result> = { readonly result: Result; readonly write?: ModelWrite };

/** Writes that another node overtook, before a call fails. */
const TRIES_MAX = 50;

/** Returns the result of the write, or why there is none. `empty`: the log has no record. */
export async function writeAgain<Result>(
  modelStore: ModelStore,
  log: LogName,
  decide: (find: FindFollower) => Decided<Result>,
): Promise<Result | "gone" | "empty"> {
  /** The followers whose write the store refused, with their revisions. */
  const refused = new Map<string, number>();
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const found = await modelStore.followers(log);
    if (found.kind === "gone") return "gone";
    if (found.kind === "absent" || found.head === null) return "empty";
    // If nobody else wrote it, the store refused its cursor (M3).
    const followers = found.followers.map((one) => (refused.get(one.name) === one.revision ? lost(one) : one));
    const { result, write } = decide((name) => followers.find((follower) => follower.name === name));
    if (!write) return result;
    const written = await modelStore.write(log, write);
    if (written.kind === "ok") return result;
    for (const { name, revision } of write.followers)
      if (written.kind === "moved" && written.followers.includes(name)) refused.set(name, revision);
  }
  throw new Error(`The read models of the log ${log} moved before each of ${TRIES_MAX} writes`);
}

/** The follower as before its first fold, with its job. */
function lost(follower: Follower): FoundFollower {
  const notes = notesOf(follower);
  const text = notes ? notesText(emptyNotes(notes.domain, notes.movedAt, notes.job)) : follower.text;
  return { ...follower, at: null, text, isLost: true };
}
