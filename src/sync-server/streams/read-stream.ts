/**
 * Reading streams from the store: folded, or folded as their author saw them.
 *
 * Guarantees:
 * - A stored record that cannot be read makes its streams unreadable from there on, and no other stream.
 * - Events behind the position that the batch reads at are never used: reading them throws `LogMoved`.
 */
import { type Author, authorKey, isSameAuthor } from "../../core/history/author.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { StorageLostError } from "../../core/values/errors.ts";
import { emptyStream, foldStream, type StreamState } from "../../core/fold/fold.ts";
import { eventId } from "../../core/values/id.ts";
import type { CommitRecord } from "../../core/history/record.ts";
import { DAMAGED_RECORD } from "../base/parked-error.ts";
import { parseStored } from "../stores/stored-record.ts";
import type { LogTurn, StoredRecord } from "../stores/event-store.ts";
import type { KnownStream } from "./stream-cache.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";

/** Authors of one stream that are remembered, at most. With more of them, only the store knows who wrote last. */
const AUTHORS_MAX = 32;
/** The size of a page that is read from the store. */
const PAGE = { events: 1_000, bytes: 1024 * 1024 };

export type StreamSource = {
  readonly store: LogTurn;
  readonly log: LogName;
  readonly domain: DomainDefinition;
  /** The log's last position when the batch started. */
  readonly end: number;
  /**
   * Called with the events of each page and the characters of its records, and awaited, because a long read must let
   * the server's other work continue.
   */
  readonly onRead: (events: number, length: number) => Promise<void>;
};

/**
 * The log has grown since the batch read its head, so the batch must start again.
 *
 * The append does not always notice it. If the store is restored to exactly that head in between, the append finds the
 * head that it expects, but the data that was read is from a history that is gone.
 */
export class LogMoved extends Error {}

/** Folds a stream from its snapshot on, or from its beginning. */
export async function foldStored(
  source: StreamSource,
  stream: StreamName,
  snapshot: KnownStream | null = null,
): Promise<KnownStream> {
  const later = snapshot && (await foldLater(source, stream, snapshot));
  if (later) return later;
  let known = newStream(source.domain, stream);
  for await (const { stored, record } of storedRecords(source, stream, 0)) {
    known = record ? foldKnown(source.domain, known, record, stream) : damaged(known, stored, stream);
  }
  return known;
}

/** Folds the events after a snapshot. Null: the record of the snapshot is not in the log. */
async function foldLater(source: StreamSource, stream: StreamName, snapshot: KnownStream): Promise<KnownStream | null> {
  const { version } = snapshot.state;
  let known: KnownStream | null = null;
  // The read begins one event earlier, because it must find the record of the snapshot.
  for await (const { stored, record } of storedRecords(source, stream, version - 1)) {
    if (!known && (lastVersion(stored, stream) !== version || stored.cursor.mark !== snapshot.mark)) return null;
    if (!known) known = snapshot;
    else known = record ? foldKnown(source.domain, known, record, stream) : damaged(known, stored, stream);
  }
  return known;
}

/** Folds the events after an earlier state of a stream, up to the record that ends at a version or behind it. */
export async function foldUpTo(
  source: StreamSource,
  stream: StreamName,
  earlier: StreamState,
  version: number,
): Promise<StreamState> {
  let known: KnownStream = { state: earlier, mark: null, authors: null };
  if (earlier.version >= version) return earlier;
  for await (const { stored, record } of storedRecords(source, stream, earlier.version)) {
    known = record ? foldKnown(source.domain, known, record, stream) : damaged(known, stored, stream);
    if (known.state.version >= version) break;
  }
  return known.state;
}

/** Folds a stream as its author saw it: all events up to a version, and then only the author's own. */
export async function foldAuthored(
  source: StreamSource,
  stream: StreamName,
  seen: number,
  author: Author,
): Promise<StreamState> {
  let state = emptyStream(source.domain, stream);
  for await (const { record } of storedRecords(source, stream, 0)) {
    if (record) state = foldAsSeen(source.domain, state, record, stream, seen, author);
  }
  return state;
}

/** Adds the events of a record to a known stream. */
export function foldKnown(
  domain: DomainDefinition,
  known: KnownStream,
  record: CommitRecord,
  stream: StreamName,
): KnownStream {
  let { state } = known;
  for (const [n, event] of record.events.entries())
    if (event.stream === stream) state = foldStream(domain, state, record, n).next;
  return { state, mark: record.mark, authors: withAuthor(known.authors, record, state.version) };
}

/**
 * Adds the events of a record to all its streams, or to the wanted ones. It visits each event once, however many
 * streams there are.
 */
export function foldInto(
  domain: DomainDefinition,
  streams: Map<string, KnownStream>,
  record: CommitRecord,
  isWanted: (stream: StreamName) => boolean = () => true,
): void {
  const folded = new Map<string, StreamState>();
  for (const [n, { stream }] of record.events.entries()) {
    if (!isWanted(stream)) continue;
    const at = folded.get(stream) ?? streams.get(stream)?.state ?? emptyStream(domain, stream);
    folded.set(stream, foldStream(domain, at, record, n).next);
  }
  addFolded(streams, record, folded);
}

/** Adds the states of the streams that a record changed. */
export function addFolded(
  streams: Map<string, KnownStream>,
  record: Author & Pick<CommitRecord, "mark">,
  folded: ReadonlyMap<string, StreamState>,
): void {
  // Streams that the record begins share their authors, because a commit may begin many with one event each.
  const shared = new Map<number, KnownStream["authors"]>();
  for (const [stream, state] of folded) {
    const known = streams.get(stream);
    const before = known ? known.authors : NO_AUTHORS;
    const isNew = before === NO_AUTHORS;
    const authors = (isNew && shared.get(state.version)) || withAuthor(before, record, state.version);
    if (isNew) shared.set(state.version, authors);
    streams.set(stream, { state, mark: record.mark, authors });
  }
}

const NO_AUTHORS: ReadonlyMap<string, number> = new Map();

/** A stream without events. */
export function newStream(domain: DomainDefinition, stream: StreamName): KnownStream {
  return { state: emptyStream(domain, stream), mark: null, authors: NO_AUTHORS };
}

function withAuthor(before: KnownStream["authors"], author: Author, version: number): KnownStream["authors"] {
  const authors = before && new Map(before).set(authorKey(author), version);
  return authors && authors.size <= AUTHORS_MAX ? authors : null;
}

export function foldAsSeen(
  domain: DomainDefinition,
  at: StreamState,
  record: CommitRecord,
  stream: StreamName,
  seen: number,
  author: Author,
): StreamState {
  let state = at;
  for (const [n, event] of record.events.entries()) {
    if (event.stream === stream && (event.version <= seen || isSameAuthor(record, author)))
      state = foldStream(domain, state, record, n).next;
  }
  return state;
}

export async function* storedRecords(
  { store, log, end, onRead }: StreamSource,
  stream: StreamName,
  after: number,
): AsyncGenerator<{ stored: StoredRecord; record: CommitRecord | null }> {
  for (let from = after; ;) {
    const page = await store.readStream(log, stream, from, PAGE);
    for (const stored of page) {
      if (stored.cursor.position > end) throw new LogMoved("The log has grown while it was read");
      yield { stored, record: parseStored(stored) };
    }
    const last = page.at(-1);
    if (!last) return;
    // A page without a later version would be read for ever.
    const next = lastVersion(last, stream);
    if (next <= from) {
      const fix =
        "Stop the server, keep the damaged file, and restore a backup. Devices send again what the backup lacks.";
      throw new StorageLostError({
        message: `The store returned no version of ${stream} after ${from}. A record's list of streams is damaged.`,
        fix,
        details: { stream, after: from },
      });
    }
    await onRead(
      next - from,
      page.reduce((length, { text }) => length + text.length, 0),
    );
    from = next;
  }
}

/** The stream after a damaged record: unreadable from there on. */
export function damaged({ state, authors }: KnownStream, stored: StoredRecord, stream: StreamName): KnownStream {
  const unreadable = state.unreadable ?? { event: eventId(stored.commit, 0), reason: DAMAGED_RECORD };
  const { mark } = stored.cursor;
  return { state: { ...state, version: lastVersion(stored, stream), unreadable }, mark, authors };
}

export function lastVersion(stored: StoredRecord, stream: StreamName): number {
  return stored.streams.find((written) => written.stream === stream)?.last ?? 0;
}
