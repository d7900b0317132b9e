/**
 * Deletes a database if its content allows it.
 *
 *   open under `DELETING` (every other handle lets go) ──► mayDelete ── false ──► abort: as before
 *                                                             └── true ──► no handle can open it ──► delete
 *
 * Guarantees (test/unit/client/stores/delete-database.test.ts):
 * - Nothing is written between the check and the deletion, because the upgrade to `DELETING` is exclusive and older
 *   versions cannot open the database after it.
 * - A crash in between leaves a database under `DELETING`. The next opening or deletion finishes the work.
 */
import { StorageLostError } from "../../../core/values/errors.ts";
import type { Env } from "../../env/env.ts";

/** A version above that of every layout. */
export const DELETING = 2 ** 40;
/** Waits until other tabs close their connections. The wait has a limit, because a frozen tab never does. */
const DELETE_MS_MAX = 10_000;

/** Returns false where `mayDelete` returned false. A database that does not exist counts as deleted. */
export async function deleteDatabase(
  name: string,
  mayDelete: (tx: IDBTransaction) => Promise<boolean>,
  timer: Env["setTimer"],
): Promise<boolean> {
  let isOver = false;
  let isAllowed: boolean | null = null;
  let failure: unknown = null;
  const { promise: late, reject } = Promise.withResolvers<never>();
  const stopTimer = timer(() => {
    isOver = true;
    reject(deleteError("blocked", `no answer in ${DELETE_MS_MAX} ms, because another tab keeps it open`));
  }, DELETE_MS_MAX);
  try {
    const opening = indexedDB.open(name, DELETING);
    opening.onupgradeneeded = ({ oldVersion }) => {
      const tx = opening.transaction;
      if (!tx || isOver || oldVersion === 0) return tx?.abort();
      mayDelete(tx).then(
        (allowed) => {
          isAllowed = allowed;
          if (!allowed) tx.abort();
        },
        (error: unknown) => {
          failure = error;
          tx.abort();
        },
      );
    };
    const database = await Promise.race([
      requestResult(opening).then(
        (opened) => {
          // The caller has its answer already, and no tab may be blocked by this one.
          if (isOver) opened.close();
          return opened;
        },
        (error: unknown) => {
          // The upgrade was aborted on purpose: the answer was no, or there is no such database.
          if (failure === null && named(error) === "AbortError" && !isOver) return null;
          throw failure ?? error;
        },
      ),
      late,
    ]);
    database?.close();
    if (database) await Promise.race([requestResult(indexedDB.deleteDatabase(name)), late]);
    return isAllowed ?? true;
  } catch (error) {
    throw error instanceof StorageLostError ? error : deleteError("unreachable", String(error), error);
  } finally {
    stopTimer();
  }
}

/**
 * Finishes a deletion that a crash interrupted. It always throws: an error after which the caller opens the database
 * again, or the given one.
 */
export async function finishDeletion(name: string, error: unknown): Promise<never> {
  if (named(error) !== "VersionError") throw error;
  const databases = await indexedDB.databases();
  if (!databases.some((database) => database.name === name && database.version === DELETING)) throw error;
  await requestResult(indexedDB.deleteDatabase(name));
  throw new DOMException("The database was being deleted", "AbortError");
}

export function requestResult<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new DOMException("The request failed", "AbortError"));
  });
}

function named(error: unknown): string {
  return error instanceof DOMException || error instanceof Error ? error.name : "";
}

function deleteError(reason: "blocked" | "unreachable", said: string, cause?: unknown): StorageLostError {
  return new StorageLostError({
    message: `The log's storage could not be deleted: ${said}`,
    fix: "Close the app's other tabs, then delete the log again.",
    details: { reason },
    cause,
  });
}
