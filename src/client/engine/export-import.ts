/**
 * Exports and imports a log on a device, with the commits that the server does not have.
 *
 * Guarantees:
 * - The whole import is checked before anything is written.
 * - An import contains no commits of another user, because the server would refuse them and all later ones
 *   (test "import: refuses the file of another user before it writes").
 * - The export of a log that joined from a base has no records, because the first ones are missing. It has the device's
 *   own commits, and the device that imports them pulls the records
 *   (test "join: the export has the own commits, and the device that imports them joins again").
 * - An import goes only into a log that is empty on this device
 *   (test "import: a file that is cut or changed, or a log that is not empty, changes nothing").
 */
import {
  type Archive,
  endLine,
  headerLine,
  ownLine,
  type OwnKind,
  parseArchive,
  recordLine,
} from "../../core/wire/archive.ts";
import type { Commit } from "../../core/history/commit.ts";
import { parse, shape, whole } from "../../core/wire/reader.ts";
import { BugError, ConcurrencyError, ValidationError } from "../../core/values/errors.ts";
import { type Json, parseOwnJson } from "../../core/values/json.ts";
import { positionOf, sameCursor } from "../../core/history/record.ts";
import { readConfirmed } from "./confirmed-records.ts";
import {
  pendingText,
  readPending,
  readRejection,
  readSentEntry,
  rejectionText,
  sentText,
} from "../stores/entry-text.ts";
import type { LogStore } from "../stores/log-store.ts";
import type { Actor, LogName } from "../../core/values/ids.ts";

const numbered = shape({ n: whole(0) });

/** Each attempt fails only because another tab cut the log back. */
const ATTEMPTS_MAX = 10;

/** The lines of an export, without line breaks: the log at one moment, although other tabs write meanwhile. */
export async function* exportLines(store: LogStore, log: LogName): AsyncGenerator<string> {
  const { head, base, pending, sent, rejections } = await readOwn(store);
  const cursor = base ? null : head.cursor;
  yield headerLine(log, cursor);
  let count = 0;
  for await (const records of readConfirmed(store, 0)) {
    for (const record of records) {
      if (record.position > positionOf(cursor)) break;
      count++;
      yield recordLine(JSON.stringify(record));
    }
  }
  const own = [
    ...sent.map((entry) => ownLine("sent", { n: entry.n, ...plain(sentText(entry)) })),
    ...pending.map((entry) => ownLine("pending", plain(pendingText(entry)))),
    ...rejections.map((entry) => ownLine("rejection", plain(rejectionText(entry)))),
  ];
  yield* own;
  yield endLine(count, own.length);
}

/**
 * The own commits, each once. A commit that settles during the read is exported as pending. A commit that is made
 * during the read is not exported.
 */
export async function readOwn(store: LogStore) {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const { head, base, pending } = await store.refresh({ position: Number.MAX_SAFE_INTEGER, pendingTail: 0 });
    const waiting = new Set(pending.map(({ commit }) => commit.id));
    const hadSettled = ({ n, commit }: { readonly n: number; readonly commit: Commit }) =>
      n <= head.pendingTail && !waiting.has(commit.id);
    const sent = (await store.readSent(null)).filter(hadSettled);
    const rejections = (await store.readRejections()).filter(hadSettled);
    // After a divergence, settled commits may be pending again, and this read missed them.
    if ((await store.head()).generation === head.generation) return { head, base, pending, sent, rejections };
  }
  throw new BugError("The log was cut back again and again while it was exported");
}

/**
 * Checks an export and writes it into an empty log, all or nothing. The engine runs it as a step and then loads again.
 */
export async function importArchive(
  store: LogStore,
  log: LogName,
  user: Actor,
  lines: Iterable<string>,
): Promise<void> {
  const archive = parseExport(log, lines);
  const own = (kind: OwnKind) => archive.own.filter((line) => line.kind === kind).map(({ value }) => value);
  const ended = [
    ...own("sent").map((value) => ({ sent: readSentEntry(numberOf(value), JSON.stringify(value)), rejection: null })),
    ...own("rejection").map((value) => ({ sent: null, rejection: readRejection("imported", JSON.stringify(value)) })),
  ].sort((left, right) => (left.sent ?? left.rejection).n - (right.sent ?? right.rejection).n);
  const waiting = own("pending").map((value) => readPending(0, JSON.stringify(value)));
  requireAuthor(user, [...waiting, ...ended.map(({ sent, rejection }) => sent ?? rejection)]);

  const { head, pendingNumbers, rejectionIds } = await store.refresh({
    position: Number.MAX_SAFE_INTEGER,
    pendingTail: 0,
  });
  if (head.cursor !== null || pendingNumbers.length > 0 || rejectionIds.length > 0) {
    throw new ConcurrencyError(
      {
        message: `The log ${log} is not empty on this device`,
        fix: "Import on a device where the log of this name is empty, or delete it here with deleteLog first.",
        details: { position: positionOf(head.cursor), pending: pendingNumbers.length },
      },
      "after-fix",
    );
  }
  const numbered = ended.map((entry, index) => ({ ...entry, n: head.pendingTail + index + 1 }));
  const filled = await store.fill(head, {
    batch: archive.cursor && {
      after: null,
      cursor: archive.cursor,
      text: JSON.stringify({ records: archive.records }),
    },
    settled: numbered.flatMap(({ sent, n }) => (sent ? [{ ...sent, n }] : [])),
    rejected: numbered.flatMap(({ rejection, n }) => (rejection ? [{ ...rejection, n }] : [])),
    pending: waiting,
  });
  if (!filled && !(await isAlreadyImported(store, archive.cursor, waiting))) throw movedMeanwhile(log);
}

/** True: this archive was written, and the connection was lost before the store reported that. */
async function isAlreadyImported(
  store: LogStore,
  cursor: Archive["cursor"],
  waiting: readonly { readonly commit: Commit }[],
): Promise<boolean> {
  const { head, pending } = await store.refresh({ position: Number.MAX_SAFE_INTEGER, pendingTail: 0 });
  const ids = new Set(pending.map(({ commit }) => commit.id));
  return (
    sameCursor(head.cursor, cursor) && waiting.length === ids.size && waiting.every(({ commit }) => ids.has(commit.id))
  );
}

function parseExport(log: LogName, lines: Iterable<string>): Archive {
  const parsed = parseArchive(lines);
  if (!parsed.ok) throw notAnExport(`${parsed.problem.path.join(" ")} ${parsed.problem.reason}`);
  if (parsed.value.log !== log) throw notAnExport(`it is an export of the log ${parsed.value.log}, not of ${log}`);
  return parsed.value;
}

/** Refuses commits that the device would send later, and that the server refuses under another name. */
function requireAuthor(user: Actor, own: readonly { readonly commit: Commit }[]): void {
  const other = own.find(({ commit }) => commit.actor !== user)?.commit.actor;
  if (other === undefined) return;
  throw new ValidationError({
    message: `The text has commits of ${other}, and this is the log of ${user}`,
    fix: `Open the log as ${other} and import it there. If no server has the commits, call log.moveTo there.`,
    details: { reason: "has commits of another user", user: other },
  });
}

function notAnExport(reason: string): ValidationError {
  return new ValidationError({
    message: `The text cannot be imported: ${reason}`,
    fix: "Import the whole text of an export, unchanged.",
    details: { reason },
  });
}

function movedMeanwhile(log: LogName): ConcurrencyError {
  return new ConcurrencyError({
    message: `Another tab wrote to ${log} during the import`,
    fix: "Close other tabs of this log and import again.",
  });
}

/** 0 without a valid number, because it only orders the commits. */
function numberOf(value: Json): number {
  const read = parse(numbered, value);
  return read.ok ? read.value.n : 0;
}

function plain(text: string): { readonly [key: string]: Json } {
  return parseOwnJson(text);
}
