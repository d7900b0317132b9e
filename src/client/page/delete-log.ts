/**
 * Deletes a log from this device, as for a sign-out. It needs no worker and no network.
 *
 * Guarantees:
 * - Without `losePending`, it deletes nothing that no server has (test "deleteLog: refuses to lose pending commits").
 */
import { PendingWorkError } from "../../core/values/errors.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import { browserEnv } from "../env/browser-env.ts";
import { requireNames } from "../messages/worker-messages.ts";
import { databaseName } from "../stores/database-name.ts";
import { deleteDatabase, requestResult } from "../stores/idb/delete-database.ts";

/**
 * The log to delete, and what may be lost with it.
 *
 * @example
 * const options: DeleteLogOptions = { user: "ada", losePending: confirm("Lose 3 changes?") };
 */
export type DeleteLogOptions = {
  /** The name of the user, as in `OpenLogOptions`. */
  readonly user: string;
  /**
   * The namespace, as in `OpenLogOptions`.
   *
   * @default no namespace
   */
  readonly namespace?: string;
  /**
   * True: also delete commits that no server is known to have, and rejected commits that are kept.
   *
   * @default false
   */
  readonly losePending?: boolean;
};

const OPTIONS: OptionNames<DeleteLogOptions> = { user: true, namespace: true, losePending: true };

/**
 * Deletes everything that this device has of a log: its database, with all commits. Nothing changes on the server.
 *
 * Open handles of the log, in all tabs, then report `storage-lost`. A log that does not exist counts as deleted.
 *
 * @example
 * await log.close();
 * await deleteLog("team-7", { user: "ada" }).catch((error) => {
 *   if (error instanceof PendingWorkError) console.warn(error.details.pending, "commits are not sent yet");
 * });
 *
 * @throws {PendingWorkError} `pending-work`: commits would be lost, and `losePending` is not true. Nothing was deleted.
 * @throws {DefinitionError} `definition`: an option is not known. Nothing was deleted.
 * @throws {ValidationError} `invalid`: the name of the log, the user or the namespace is not allowed
 * @throws {StorageLostError} `storage-lost`: another tab keeps the database open, because it is frozen
 */
export async function deleteLog(log: string, options: DeleteLogOptions): Promise<void> {
  const { user, namespace, losePending = false } = options;
  requireKnownOptions("`deleteLog`", options, OPTIONS);
  requireNames({ log, user, ...(namespace !== undefined && { namespace }) });
  const name = databaseName(log, user, namespace);
  let lost = { pending: 0, rejections: 0 };
  const mayDelete = async (tx: IDBTransaction) => {
    if (losePending) return true;
    lost = await countLost(tx);
    return lost.pending + lost.rejections === 0;
  };
  const isDeleted = await deleteDatabase(name, mayDelete, browserEnv.setTimer);
  if (!isDeleted)
    throw new PendingWorkError({
      message:
        `The log ${log} of ${user} has ${lost.pending} commits that no server is known to have, ` +
        `and ${lost.rejections} rejected commits`,
      fix: "Sync the commits, and retry or discard the rejected ones. Or pass losePending: true to lose them.",
      details: lost,
    });
  // Makes the log's tabs read their database, and find that it is gone. Without messages, they find it later.
  if (typeof BroadcastChannel === "undefined") return;
  const channel = new BroadcastChannel(name);
  channel.postMessage({ type: "wrote" });
  channel.close();
}

/** Counts the commits that only this device has. Without a server, these are all of them. */
async function countLost(tx: IDBTransaction): Promise<{ pending: number; rejections: number }> {
  const [head, server, numbers, sent, rejections] = await Promise.all([
    requestResult<unknown>(tx.objectStore("meta").get("head")),
    requestResult<unknown>(tx.objectStore("meta").get("server")),
    requestResult(tx.objectStore("pending").getAllKeys()),
    requestResult(tx.objectStore("sent").count()),
    requestResult(tx.objectStore("rejections").count()),
  ]);
  const ended = endedOf(head);
  const pending = numbers.filter((n) => !ended.some(([first, last]) => first <= Number(n) && Number(n) <= last));
  return { pending: pending.length + (server === undefined ? sent : 0), rejections };
}

/** The numbers of settled commits in `pending`, as ranges. None if the row is damaged. Then all commits count. */
function endedOf(head: unknown): readonly (readonly [number, number])[] {
  try {
    // A damaged row has other types. Then the comparisons are false, and all commits count too.
    const { ended, mark } = JSON.parse(String(head)) as { ended?: [number, number][]; mark?: number };
    return ended ?? [[mark ?? 0, mark ?? 0]];
  } catch {
    return [];
  }
}
