/** Writes followers by: read, decide, write on the revisions that were read, and again if another node was faster. */
import type { LogName } from "../../core/values/ids.ts";
import type { Follower, ModelStore, ModelWrite } from "../stores/model-store.ts";

/** The followers of a log by name. */
export type FindFollower = (name: string) => Follower | undefined;

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
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const found = await modelStore.followers(log);
    if (found.kind === "gone") return "gone";
    if (found.kind === "absent" || found.head === null) return "empty";
    const { followers } = found;
    const { result, write } = decide((name) => followers.find((follower) => follower.name === name));
    if (!write || (await modelStore.write(log, write)).kind === "ok") return result;
  }
  throw new Error(`The read models of the log ${log} moved before each of ${TRIES_MAX} writes`);
}
