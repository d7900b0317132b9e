/**
 * Pending, sent and rejected entries as stored rows, one JSON text for each row.
 *
 * Guarantees:
 * - A commit comes back as it was written, also with fields that this code does not know, because a newer tab may have
 *   made it.
 * - A reader checks only what the engine relies on. The server refuses a commit with other errors, and the rest of the
 *   log still opens.
 * - A row that fails this check throws `corruptRow` (test/unit/client/stores/stores.damaged-rows.test.ts).
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
  time,
  whole,
} from "../../core/wire/reader.ts";
import { type RejectedOutcome, wireCursor } from "../../core/wire/messages.ts";
import { cursorReader } from "../../core/wire/read-messages.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import { COMMANDS_MAX } from "../../core/history/limits.ts";
import { describeProblem } from "../../core/values/parsed.ts";
import type { PendingEntry, RejectionEntry, SentEntry, UndoNote } from "./log-store.ts";
import { corruptRow } from "./storage-errors.ts";

export function pendingText({ at, commit, undo }: Omit<PendingEntry, "n">): string {
  return JSON.stringify({ at: wireCursor(at), undo, commit });
}

export function readPending(n: number, row: unknown): PendingEntry {
  return { n, ...readRow(pending, "pending", n, row) };
}

/**
 * A row in `pending` without a commit. It occupies a number, so that no tab uses it again and stale tabs cannot append.
 */
export function generationMarkText(generation: number): string {
  return JSON.stringify({ generation });
}

export function sentText({ commit, undo, outcome, position, dropped, settledAt }: SentEntry): string {
  return JSON.stringify({ outcome, position, dropped, settledAt, undo, commit });
}

export function readSentEntry(n: number, row: unknown): SentEntry {
  return { n, ...readRow(sent, "sent", n, row) };
}

/**
 * Returns the commit id in a row. Null if the row has no commit or cannot be read, because one bad row must not stop
 * the rest.
 */
export function peekCommitId(row: unknown): string | null {
  const parsed = typeof row === "string" ? parseText(idPeek, row) : null;
  return parsed?.ok ? parsed.value.commit.id : null;
}

/**
 * Returns the time when a sent entry settled. Null if no time is known. Null also if the row cannot be read, because
 * one bad row must not stop the rest.
 */
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

export const anyText: Reader<string> = (value, path) =>
  typeof value === "string" ? value : fail(path, "is not a string");

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
  // `knownOfCommit` checked it. The value itself is returned, otherwise fields of newer code would be lost on the way
  // to the server.
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
  // The value itself is returned, as in `commit`. The other fields (`path`, `theirs`) were checked on arrival.
  return value as RejectedOutcome;
};

const request: Reader<CommandRequest> = shape({ stream: anyText, name: anyText, v: whole(0) }, { input: json });
const undoNote: Reader<UndoNote> = shape({
  inverse: orNull(list(request, COMMANDS_MAX)),
  undoes: orNull(anyText),
  redoes: orNull(anyText),
});

const pending: Reader<Omit<PendingEntry, "n">> = shape({ at: orNull(cursorReader), undo: orNull(undoNote), commit });
const sent: Reader<Omit<SentEntry, "n">> = shape(
  {
    commit,
    undo: orNull(undoNote),
    outcome: literal("accepted", "rebased"),
    position: whole(0),
    settledAt: orNull(time),
  },
  { dropped: list(anyText, 100) },
);
const rejection = shape(
  { n: whole(1), commit, outcome: rejectedOutcome, rejectedAt: time },
  { undo: orNull(undoNote) },
);
const idPeek = shape({ commit: shape({ id: anyText }) });
const settledPeek = shape({ settledAt: time });
