/**
 * A stream as the store holds it: folded, folded as its author saw it, or only what others added.
 *
 * Place: `stream-windows` asks these, page by page, and carries on with what the running batch adds.
 * Holds: a record that cannot be read any more harms its streams alone: they are unreadable from there on.
 */
import { type Author, authorKey, isSameAuthor } from "../../core/history/author.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { StorageLostError } from "../../core/values/errors.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { emptyStream, foldStream, type StreamState } from "../../core/fold/fold.ts";
import { eventId } from "../../core/values/id.ts";
import { type CommitRecord, readableEvent } from "../../core/history/record.ts";
import { spansOf } from "../stores/stored-record.ts";
import type { EventStore, StoredRecord } from "../stores/event-store.ts";
import type { KnownStream } from "./stream-cache.ts";
import { parseOwnJson } from "../../core/values/json.ts";

/** Authors of one stream that are remembered; with more, only the store knows who wrote after whom. */
const AUTHORS_MAX = 32;
/** Events of others that a policy is told: the latest. */
const OTHERS_EVENTS_MAX = 10_000;
/** What is read from the store at once. */
const PAGE = { events: 1_000, bytes: 1024 * 1024 };

export type StreamSource = {
  readonly store: EventStore;
  readonly log: string;
  readonly domain: DomainDefinition;
  /** The log's last position as the batch took it. */
  readonly end: number;
  /** Told of each page that was read, and waited for: reading much gives way to what else the server has to do. */
  readonly onRead: (events: number) => Promise<void>;
};

/**
 * The log has gone on since the batch took its end. What was read is not what it decides on: were the store restored now to just that end, the
 * append would find it as expected.
 */
export class LogMoved extends Error {}

/** Folds a whole stream. */
export async function foldStored(source: StreamSource, stream: string): Promise<KnownStream> {
  let known: KnownStream = { state: emptyStream(source.domain, stream), authors: new Map() };
  for await (const { stored, record } of storedRecords(source, stream, 0)) {
    known = record ? foldKnown(source.domain, known, record, stream) : damaged(known, stored, stream);
  }
  return known;
}

/** Folds a stream as its author saw it: up to a version, and on with what is his own. */
export async function foldAuthored(
  source: StreamSource,
  stream: string,
  seen: number,
  author: Author,
): Promise<StreamState> {
  let state = emptyStream(source.domain, stream);
  for await (const { record } of storedRecords(source, stream, 0)) {
    if (record) state = foldAsSeen(source.domain, state, record, stream, seen, author);
  }
  return state;
}

/** The events of a stream that others added after a version. */
export async function readOthers(
  source: StreamSource,
  stream: string,
  after: number,
  author: Author,
): Promise<DomainEvent[]> {
  const events: DomainEvent[] = [];
  for await (const { record } of storedRecords(source, stream, after)) {
    if (record) events.push(...othersIn(source.domain, record, stream, after, author));
    if (events.length > OTHERS_EVENTS_MAX) events.splice(0, events.length - OTHERS_EVENTS_MAX);
  }
  return events;
}

/** A known stream with the events that a record adds to it. */
export function foldKnown(
  domain: DomainDefinition,
  known: KnownStream,
  record: CommitRecord,
  stream: string,
): KnownStream {
  let { state } = known;
  for (const [n, event] of record.events.entries())
    if (event.stream === stream) state = foldStream(domain, state, record, n).next;
  const authors = known.authors && new Map(known.authors).set(authorKey(record), state.version);
  return { state, authors: authors && authors.size <= AUTHORS_MAX ? authors : null };
}

export function foldAsSeen(
  domain: DomainDefinition,
  at: StreamState,
  record: CommitRecord,
  stream: string,
  seen: number,
  author: Author,
): StreamState {
  let state = at;
  for (const [n, event] of record.events.entries()) {
    if (event.stream === stream && (event.version <= seen || isOwn(record, author)))
      state = foldStream(domain, state, record, n).next;
  }
  return state;
}

export function othersIn(
  domain: DomainDefinition,
  record: CommitRecord,
  stream: string,
  after: number,
  author: Author,
): DomainEvent[] {
  if (isOwn(record, author)) return [];
  return record.events.flatMap((event, n) =>
    event.stream === stream && event.version > after ? (readableEvent(domain, record, n) ?? []) : [],
  );
}

/** True where others wrote to a stream after a version, or where only the store can tell. */
export function mayHoldOthers(known: KnownStream, after: number, author: Author): boolean {
  if (known.state.version <= after) return false;
  if (!known.authors) return true;
  const own = authorKey(author);
  return [...known.authors].some(([key, last]) => key !== own && last > after);
}

function isOwn(record: CommitRecord, author: Author): boolean {
  return isSameAuthor(record, author);
}

async function* storedRecords(
  { store, log, end, onRead }: StreamSource,
  stream: string,
  after: number,
): AsyncGenerator<{ stored: StoredRecord; record: CommitRecord | null }> {
  for (let from = after; ;) {
    const page = await store.readStream(log, stream, from, PAGE);
    for (const stored of page) {
      if (stored.cursor.position > end) throw new LogMoved("The log has gone on while it was read");
      yield { stored, record: parseStored(stored) };
    }
    const last = page.at(-1);
    if (!last) return;
    // A page that does not go on would be read for ever.
    const next = lastVersion(last, stream);
    if (next <= from) {
      const fix =
        "Stop the server, keep the damaged file, and restore a backup: devices send again what the backup lacks.";
      throw new StorageLostError({
        message: `The store gave no version of ${stream} after ${from}: a record's list of streams is damaged`,
        fix,
        details: { stream, after: from },
      });
    }
    await onRead(next - from);
    from = next;
  }
}

function parseStored({ text, streams }: StoredRecord): CommitRecord | null {
  try {
    // Written by this server, from a record that it had made and checked.
    const record = parseOwnJson<CommitRecord>(text);
    // Damage may leave JSON: then it does not write what it is found by any more.
    return sameSpans(spansOf(record.events), streams) ? record : null;
  } catch {
    return null;
  }
}

function sameSpans(one: StoredRecord["streams"], other: StoredRecord["streams"]): boolean {
  return (
    one.length === other.length &&
    one.every(
      ({ stream, first, last }, n) =>
        stream === other[n]?.stream && first === other[n]?.first && last === other[n]?.last,
    )
  );
}

function damaged({ state, authors }: KnownStream, stored: StoredRecord, stream: string): KnownStream {
  const unreadable = state.unreadable ?? { event: eventId(stored.commit, 0), reason: "its stored record is damaged" };
  return { state: { ...state, version: lastVersion(stored, stream), unreadable }, authors };
}

function lastVersion(stored: StoredRecord, stream: string): number {
  return stored.streams.find((written) => written.stream === stream)?.last ?? 0;
}
