/**
 * Resolves a divergence: the server's log is not the one that this device knows. It was restored, cloned or rebuilt, or
 * this log was local until now.
 *
 * A binary search over marks finds the last record that both logs have. One transaction cuts this log back to it, and
 * returns the own settled commits behind it to the queue, in the order in which they were made. They are pending from
 * then on. A record settles them by id, so no commit appears twice. docs/decisions/cutting-back-to-a-common-mark.md
 * says why the log is cut back.
 *
 * A log that was dropped with the right to read has no marks except its last one. It is refilled before anything is
 * pushed. If the server no longer has that last mark, all own settled commits return.
 *
 * Guarantees:
 * - No pending commit is lost (test "resolveDivergence: a server restored from an older file gets all lost work
 *   again").
 * - Each `seen` is at most the version up to which both logs agree.
 * - A crash in the middle changes nothing.
 */
import { lowerSeen } from "../../core/history/commit.ts";
import { BugError, DacapoError } from "../../core/values/errors.ts";
import type { Page } from "../../core/wire/messages.ts";
import { type Cursor, cursorOf, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Engine } from "../engine/engine.ts";
import { readConfirmed } from "../engine/confirmed-records.ts";
import type { StreamName } from "../../core/values/ids.ts";
import type { LocalLog } from "../engine/local-log.ts";
import type { PendingEntry, SentEntry, StoreHead } from "../stores/log-store.ts";
import type { Transport } from "./transport.ts";

const ATTEMPTS_MAX = 20;

export async function resolveDivergence(engine: Engine, transport: Transport): Promise<void> {
  const { generation, droppedEnd } = engine.head;
  const common = droppedEnd === null ? await findCommon(engine, transport) : null;
  const isUnchanged = (head: StoreHead) => head.generation === generation && sameCursor(head.droppedEnd, droppedEnd);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (!isUnchanged(engine.head)) return; // Another tab has resolved it.
    if (
      await engine.replaceLog((local) => (isUnchanged(local.head) ? cutBackTo(local, common) : Promise.resolve(null)))
    )
      return;
  }
  throw new BugError("The local log could not be cut back, because other tabs wrote too often");
}

/** The last cursor of this log that the server has too; null when there is none. */
async function findCommon(engine: Engine, transport: Transport): Promise<Cursor | null> {
  const ends: Cursor[] = [];
  // A log that joined from a base begins at the base's cursor, which the server may still have.
  const end = Number.MAX_SAFE_INTEGER;
  const { base } = await engine.store.refresh({ position: end, pendingTail: end });
  if (base) ends.push(base);
  for await (const records of readConfirmed(engine.store, 0)) for (const record of records) ends.push(cursorOf(record));
  // Both logs agree up to `low` and differ behind `high`, because an equal mark means an equal history up to it.
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const end = ends[middle - 1];
    if (end === undefined) throw new BugError("The search for the common mark left the log");
    const fetched = await transport.pull(end, 1);
    if (fetched.kind === "gone") throw goneError();
    if (fetched.kind === "answer") low = middle;
    else high = middle - 1;
  }
  return ends[low - 1] ?? null;
}

/**
 * Drops the confirmed log when the right to read was revoked. The commits of this device stay: pending, settled and
 * rejected. The end of the log stays too, because it contains nothing of other authors.
 */
export async function dropConfirmed(engine: Engine): Promise<void> {
  await engine.replaceLog(({ head, store, entries }) => {
    if (head.cursor === null) return Promise.resolve(null);
    const pending = [...entries.values()].map(({ commit, undo }) => ({ at: null, commit, undo }));
    return store.cutBack(head, null, pending, head.droppedEnd ?? head.cursor);
  });
}

/** True: a page that follows the cursor shows that the server no longer has the history that this device dropped. */
export function serverLostRevokedHistory(page: Page, droppedEnd: Cursor | null, cursor: Cursor | null): boolean {
  if (droppedEnd === null || !sameCursor(page.after, cursor)) return false;
  if (positionOf(page.cursor) < droppedEnd.position) return page.head <= positionOf(page.cursor);
  return !page.records.some((record) => sameCursor(cursorOf(record), droppedEnd));
}

/** A log that was deleted on purpose is no divergence. Nothing is cut back, and nothing is offered again. */
export function goneError(): DacapoError {
  return new DacapoError("gone", "never", {
    message: "The log was deleted on the server",
    fix: "Work made here is kept on this device: export it, or execute it on another log.",
  });
}

async function cutBackTo(local: LocalLog, keep: Cursor | null): Promise<StoreHead | null> {
  // The version before the first event behind `keep`. Streams without such an event have the version of this log.
  const versions = new Map<string, number>();
  for await (const records of readConfirmed(local.store, positionOf(keep)))
    for (const { events } of records)
      for (const { stream, version } of events) if (!versions.has(stream)) versions.set(stream, version - 1);
  const versionOf = (stream: StreamName): number =>
    keep === null ? 0 : (versions.get(stream) ?? local.replica.confirmedVersion(stream));
  const returned = (await local.store.readSent(null)).filter((entry) => entry.position > positionOf(keep));
  const pending = inOrder(returned, [...local.entries.values()]).map(({ commit, at, undo }) => ({
    undo,
    at: positionOf(at) < positionOf(keep) ? at : keep,
    commit: lowerSeen(commit, versionOf),
  }));
  return local.store.cutBack(local.head, keep, pending);
}

/** Returned and pending commits, in the order in which they were made. */
function inOrder(returned: readonly SentEntry[], pending: readonly PendingEntry[]): readonly PendingEntry[] {
  // The cursor at which a returned commit was made is no longer known. The beginning is always correct, but slower.
  return [...returned.map(({ n, commit, undo }) => ({ n, commit, undo, at: null })), ...pending].sort(
    (left, right) => left.n - right.n,
  );
}
