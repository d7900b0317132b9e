/**
 * When histories part: the server's log is another one than ours. Restored, cloned, made anew, or ours was local until now.
 *
 * The last record that both logs have is found by asking for marks, halving each time; ours is cut back to it in one
 * transaction, and own settled commits behind it return to the queue, each to its place in the order in which all
 * were made. They are shown as pending from that moment on; a record ends them by id, so nothing shows twice.
 * Holds: nothing pending is lost; each `seen` is at most the version up to which both logs agree; a crash in the middle changes
 * nothing. See docs/decisions/ for why the log is cut back rather than taken anew beside the old.
 *
 * A log that was dropped with the right to read has no marks left to ask for, but for its last one. When the right is back the log is filled again
 * before anything is pushed; where the server turns out not to have that last mark any more, all own settled commits return.
 */
import { lowerSeen } from "../../core/history/commit.ts";
import { BugError, DacapoError } from "../../core/values/errors.ts";
import type { Page } from "../../core/wire/messages.ts";
import { type Cursor, cursorOf, lastPosition, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Engine } from "../engine/engine.ts";
import { readConfirmed } from "../engine/confirmed-records.ts";
import type { LocalLog } from "../engine/local-log.ts";
import type { PendingEntry, SentEntry, StoreHead } from "../stores/log-store.ts";
import type { Transport } from "./transport.ts";

const ATTEMPTS_MAX = 20;

export async function resolveDivergence(engine: Engine, transport: Transport): Promise<void> {
  const { generation, dropped } = engine.head;
  const common = dropped === null ? await findCommon(engine, transport) : null;
  const stands = (head: StoreHead) => head.generation === generation && sameCursor(head.dropped, dropped);
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    if (!stands(engine.head)) return; // Another tab was faster.
    if (await engine.cutBack((local) => (stands(local.head) ? cutBackTo(local, common) : Promise.resolve(null))))
      return;
  }
  throw new BugError("The local log could not be cut back: other tabs wrote too often");
}

/** The last cursor of this log that the server has too; null where there is none. */
async function findCommon(engine: Engine, transport: Transport): Promise<Cursor | null> {
  const ends: Cursor[] = [];
  for await (const records of readConfirmed(engine.store, 0)) ends.push(...records.map(cursorOf));
  // Below `low` both agree, from `high` on they do not: the same mark means the same history up to there.
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
 * Drops what came from the server when the right to read has ended. What was made here stays, pending, settled and refused; and where the log
 * ended, which tells nothing of what others wrote.
 */
export async function dropConfirmed(engine: Engine): Promise<void> {
  await engine.cutBack(({ head, store, entries }) => {
    if (head.cursor === null) return Promise.resolve(null);
    const pending = [...entries.values()].map(({ commit, undo }) => ({ at: null, commit, undo }));
    return store.cutBack(head, null, pending, head.dropped ?? head.cursor);
  });
}

/** True where a page that follows the cursor shows that the server does not have what this device had when it dropped its log. */
export function serverLostRevokedHistory(page: Page, dropped: Cursor | null, cursor: Cursor | null): boolean {
  if (dropped === null || !sameCursor(page.after, cursor)) return false;
  if (positionOf(page.cursor) < dropped.position) return page.head <= positionOf(page.cursor);
  return !page.records.some((record) => sameCursor(cursorOf(record), dropped));
}

/** A log that was deleted on purpose is no other history: nothing is cut, nothing is offered again. */
export function goneError(): DacapoError {
  return new DacapoError("gone", "never", {
    message: "The log was deleted on the server",
    fix: "Work made here is kept on this device: export it, or execute it on another log.",
  });
}

async function cutBackTo(local: LocalLog, keep: Cursor | null): Promise<StoreHead | null> {
  const versions = new Map<string, number>();
  for await (const records of readConfirmed(local.store, 0)) {
    for (const record of records) {
      if (lastPosition(record) > positionOf(keep)) break;
      for (const { stream, version } of record.events) versions.set(stream, version);
    }
  }
  const returned = (await local.store.readSent(null)).filter((entry) => entry.position > positionOf(keep));
  const pending = inOrder(returned, [...local.entries.values()]).map(({ commit, at, undo }) => ({
    undo,
    at: positionOf(at) < positionOf(keep) ? at : keep,
    commit: lowerSeen(commit, (stream) => versions.get(stream) ?? 0),
  }));
  return local.store.cutBack(local.head, keep, pending);
}

/** What returns and what is pending, in the order in which all were made. */
function inOrder(returned: readonly SentEntry[], pending: readonly PendingEntry[]): readonly PendingEntry[] {
  // Where a returned commit stood when it was made is no longer known: the beginning is always right, only slower.
  return [...returned.map(({ n, commit, undo }) => ({ n, commit, undo, at: null })), ...pending].sort(
    (left, right) => left.n - right.n,
  );
}
