/** Commits, records and batches for the suite of log stores, and helpers that check a store. */
import type { Commit } from "../../core/history/commit.ts";
import { DacapoError } from "../../core/values/errors.ts";
import { type CommitRecord, type Cursor, cursorOf, lastPosition, positionOf } from "../../core/history/record.ts";
import { requireEqual, requireRejection, requireThat } from "../require.ts";
import type {
  Confirmation,
  ConfirmedBatch,
  LogStore,
  PendingEntry,
  Refresh,
  RejectionEntry,
  SentEntry,
  StoreHead,
} from "../../client/stores/log-store.ts";
import { parseOwnJson } from "../../core/values/json.ts";

export function commitOf(name: string): Commit {
  return {
    id: `00000000-0000-4000-8000-${Array.from(name, (letter) => letter.charCodeAt(0).toString(16).padStart(2, "0"))
      .join("")
      .padStart(12, "0")
      .slice(-12)}`,
    client: "00000000-0000-4000-8000-000000000001",
    actor: "ada",
    time: 1_700_000_000_000,
    meta: { name },
    commands: [
      {
        stream: "task/t1",
        seen: 0,
        reads: [],
        name: "rename",
        v: 1,
        input: { title: `Milk “${name}” 🥛` },
        events: [{ type: "renamed", v: 1, data: { title: name } }],
      },
    ],
  };
}

/** An entry to append, with a note for undo, which the store must return unchanged. */
export function entryOf(name: string, at: Cursor | null = null): Omit<PendingEntry, "n"> {
  return { at, commit: commitOf(name), undo: undoOf(name) };
}

export function entriesOf(...names: readonly string[]): Omit<PendingEntry, "n">[] {
  return names.map((name) => entryOf(name));
}

function undoOf(name: string): PendingEntry["undo"] {
  return {
    inverse: [{ stream: "task/t1", name: "rename", v: 1, input: { title: `not ${name}` } }],
    undoes: commitOf("undone").id,
    redoes: null,
  };
}

export function nameOf({ commit }: { readonly commit: Commit }): string {
  const { meta } = commit;
  const name = typeof meta === "object" && meta !== null && "name" in meta ? meta.name : null;
  requireThat(typeof name === "string", "a commit of these tests comes back with its meta");
  return name;
}

export function recordOf(
  position: number,
  events: number,
  mark: string,
  data: CommitRecord["meta"] = null,
): CommitRecord {
  return {
    position,
    mark,
    commit: commitOf(`r${position}`).id,
    client: commitOf("").client,
    actor: "bob",
    time: 1.5,
    received: 2,
    meta: null,
    events: Array.from({ length: events }, (_, n) => ({
      type: "noted",
      v: 1,
      stream: "note/n1",
      version: position + n,
      data,
    })),
  };
}

/** Records that follow a cursor, with these numbers of events. */
export function recordsBehind(after: Cursor | null, events: readonly number[], mark = "m"): CommitRecord[] {
  let position = positionOf(after);
  return events.map((count) => {
    const record = recordOf(position + 1, count, `${mark}${position + 1}`);
    position += count;
    return record;
  });
}

/** A batch whose text is as a server sends it, with more fields than `records`. */
export function batchOf(after: Cursor | null, records: readonly CommitRecord[]): ConfirmedBatch {
  const last = records.at(-1);
  if (!last) throw new Error("A batch needs a record");
  return {
    after,
    cursor: cursorOf(last),
    text: JSON.stringify({ after: null, records, more: false, head: lastPosition(last) }),
  };
}

export function confirmationOf(batch: ConfirmedBatch | null, more: Partial<Confirmation> = {}): Confirmation {
  return { batch, settled: [], rejected: [], forgetSentBefore: null, ...more };
}

export function settledOf(n: number, name: string, settledAt: number | null = 1_000): SentEntry {
  return { n, commit: commitOf(name), undo: undoOf(name), outcome: "accepted", position: 1, settledAt };
}

export function rejectedOf(n: number, name: string): RejectionEntry {
  const commit = commitOf(name);
  return {
    n,
    commit,
    undo: undoOf(name),
    outcome: { id: commit.id, outcome: "rejected", command: 0, code: "taken", message: "Taken", path: ["title", 0] },
    rejectedAt: 5.25,
  };
}

/** Confirms records as the leader does, naming the current head. */
export async function confirmRecords(
  store: LogStore,
  events: readonly number[],
  more: Partial<Confirmation> = {},
): Promise<StoreHead> {
  const head = await store.head();
  const batch = batchOf(head.cursor, recordsBehind(head.cursor, events, `g${head.generation}m`));
  requireEqual(
    await store.confirm(head, confirmationOf(batch, more)),
    true,
    "a confirmation that names the current head",
  );
  return await store.head();
}

export const ALL = { position: 0, pendingTail: 0 };

/** Reads all batches after a position, page by page. */
export async function readAll(
  store: LogStore,
  position = 0,
): Promise<{ readonly batches: readonly ConfirmedBatch[]; readonly last: Refresh; readonly pages: number }> {
  const batches: ConfirmedBatch[] = [];
  for (let at = position, pages = 1; ; pages++) {
    const last = await store.refresh({ position: at, pendingTail: 0 });
    batches.push(...last.batches);
    const length = last.batches.reduce((sum, { text }) => sum + text.length, 0);
    requireThat(
      last.batches.length <= 1 || length <= 4.1 * 1024 * 1024,
      `a page is at most about 4 MiB, or one batch (${length} characters)`,
    );
    const end = last.batches.at(-1)?.cursor.position;
    if (!last.more) return { batches, last, pages };
    if (end === undefined || end <= at)
      throw new Error(`refresh says that there is more after position ${at}, and returns nothing`);
    at = end;
  }
}

/** The records of batches as texts. It fails if a batch does not follow the batch before. */
export function recordTexts(batches: readonly ConfirmedBatch[], after?: Cursor | null): string[] {
  let at = after;
  return batches.flatMap((batch) => {
    if (at !== undefined) requireEqual(batch.after, at, "the start of a batch");
    at = batch.cursor;
    const { records } = parseOwnJson<{ readonly records: readonly CommitRecord[] }>(batch.text);
    const [first, last] = [records[0], records.at(-1)];
    requireThat(first !== undefined && last !== undefined, "a batch has records");
    requireEqual(first.position, positionOf(batch.after) + 1, "the position of the first record in a batch");
    requireEqual(cursorOf(last), batch.cursor, "the last record of a batch");
    return records.map((record) => JSON.stringify(record));
  });
}

export async function requireFailure(code: string, promise: Promise<unknown>, what: string): Promise<void> {
  const error = await requireRejection(promise, what);
  requireEqual(error instanceof DacapoError ? error.code : String(error), code, `the error of: ${what}`);
}
