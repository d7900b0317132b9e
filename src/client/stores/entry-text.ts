/**
 * Entries as they are stored: one JSON text a row. What is pending, what was sent, what was rejected.
 *
 * Place: between the entries of the port and the rows of a store.
 * Holds: a commit comes back as it was written, also fields that this code does not know (a newer tab may have made it). What
 * is checked is what the engine takes for granted, and no more: a commit that is wrong otherwise is the server's to refuse, and must
 * not keep the rest of the log from opening. A row that is not even that is `corruptRow`.
 */
import type { Commit } from "../../core/history/commit.ts";
import {
  anything,
  fail,
  json,
  list,
  literal,
  orNull,
  parseText,
  type Reader,
  shape,
  text,
  time,
  whole,
} from "../../core/wire/reader.ts";
import type { RejectedOutcome } from "../../core/wire/messages.ts";
import { type Cursor, decodeCursor, encodeCursor } from "../../core/history/record.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import { COMMANDS_MAX } from "../../core/history/limits.ts";
import { describeProblem } from "../../core/values/parsed.ts";
import type { PendingEntry, RejectionEntry, SentEntry, UndoNote } from "./log-store.ts";
import { corruptRow } from "./storage-errors.ts";

export function pendingText({ at, commit, undo }: Omit<PendingEntry, "n">): string {
  return JSON.stringify({ at: cursorText(at), undo, commit });
}

export function readPending(n: number, row: unknown): PendingEntry {
  return { n, ...readRow(pending, "pending", n, row) };
}

/** A row among the pending ones that is no commit: it keeps a number from being used again, and stale tabs from appending. */
export function generationMarkText(generation: number): string {
  return JSON.stringify({ generation });
}

export function sentText({ commit, undo, outcome, position, settledAt }: SentEntry): string {
  return JSON.stringify({ outcome, position, settledAt, undo, commit });
}

export function readSentEntry(n: number, row: unknown): SentEntry {
  return { n, ...readRow(sent, "sent", n, row) };
}

/** The id in an entry's row; null for a row that holds no commit or cannot be read, which must not stop the rest. */
export function peekCommitId(row: unknown): string | null {
  const parsed = typeof row === "string" ? parseText(idPeek, row) : null;
  return parsed?.ok ? parsed.value.commit.id : null;
}

/** When a sent entry was settled; null as above. */
export function peekSettledAt(row: unknown): number | null {
  const parsed = typeof row === "string" ? parseText(settledPeek, row) : null;
  return parsed?.ok ? parsed.value.settledAt : null;
}

export function rejectionText(entry: RejectionEntry): string {
  return JSON.stringify(entry);
}

export function readRejection(id: string, row: unknown): RejectionEntry {
  return { undo: null, ...readRow(rejection, "rejections", id, row) };
}

export function readRow<T>(reader: Reader<T>, store: string, key: string | number, row: unknown): T {
  if (typeof row !== "string") throw corruptRow(store, key, "is not a text");
  const parsed = parseText(reader, row);
  if (!parsed.ok) throw corruptRow(store, key, describeProblem(parsed.problem));
  return parsed.value;
}

export function cursorText(cursor: Cursor | null): string | null {
  return cursor === null ? null : encodeCursor(cursor);
}

export const anyText: Reader<string> = (value, path) =>
  typeof value === "string" ? value : fail(path, "is not a string");

export const storedCursor: Reader<Cursor> = (value, path) =>
  decodeCursor(text(128)(value, path)) ?? fail(path, "is not a cursor");

const streamSeen = { stream: anyText, seen: whole(0) };
const expectedEvent = shape({ type: anyText, v: whole(0), data: anything });
const command = shape({
  ...streamSeen,
  reads: list(shape(streamSeen), 1_000),
  name: anyText,
  v: whole(0),
  events: list(expectedEvent, 1_000_000),
});
const knownOfCommit = shape({
  id: anyText,
  client: anyText,
  actor: anyText,
  time,
  meta: anything,
  commands: list(command, 1_000_000, 1),
});

const commit: Reader<Commit> = (value, path) => {
  knownOfCommit(value, path);
  // Checked just above; given as it stands, so that fields which only newer code knows are not lost on the way to the server.
  return value as Commit;
};

const knownOfOutcome = shape({
  id: anyText,
  outcome: literal("rejected"),
  command: whole(0),
  code: anyText,
  message: anyText,
});

const rejectedOutcome: Reader<RejectedOutcome> = (value, path) => {
  knownOfOutcome(value, path);
  // As above: the rest (`path`, `theirs`) was checked when it arrived.
  return value as RejectedOutcome;
};

const request: Reader<CommandRequest> = shape({ stream: anyText, name: anyText, v: whole(0) }, { input: json });
const undoNote: Reader<UndoNote> = shape({
  inverse: orNull(list(request, COMMANDS_MAX)),
  undoes: orNull(anyText),
  redoes: orNull(anyText),
});

const pending: Reader<Omit<PendingEntry, "n">> = shape({ at: orNull(storedCursor), undo: orNull(undoNote), commit });
const sent: Reader<Omit<SentEntry, "n">> = shape({
  commit,
  undo: orNull(undoNote),
  outcome: literal("accepted", "rebased"),
  position: whole(0),
  settledAt: time,
});
const rejection = shape(
  { n: whole(1), commit, outcome: rejectedOutcome, rejectedAt: time },
  { undo: orNull(undoNote) },
);
const idPeek = shape({ commit: shape({ id: anyText }) });
const settledPeek = shape({ settledAt: time });
