/**
 * The events of a stream that other authors added after a version: those that a conflict is decided on, or the latest
 * ones for a rejection.
 *
 * Guarantees (other-authors.test.ts):
 * - However many large events there are, a read keeps some megabytes of them: the latest.
 * - A rejection reads the end of a stream, not all of it.
 */
import { type Author, authorKey, isSameAuthor } from "../../core/history/author.ts";
import type { Commit, CommitCommand } from "../../core/history/commit.ts";
import { namedBy, seenOf } from "../../core/decide/commit-needs.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { THEIRS_MAX } from "../../core/history/limits.ts";
import { type CommitRecord, readableEvents } from "../../core/history/record.ts";
import type { StreamName } from "../../core/values/ids.ts";
import { lastVersion, storedRecords, type StreamSource } from "./read-stream.ts";
import type { KnownStream } from "./stream-cache.ts";

/** Events of one stream that a read keeps, at most: the latest. A device has the same limit. */
const OTHERS_EVENTS_MAX = 10_000;
/** Characters of the records that are read for a rejection, except the latest one of a stream. It contains fewer. */
const REJECTION_LENGTH_MAX = 64 * 1024;

/** The events of other authors than this one: those after a version, and up to another one if it is named. */
type OthersRange = { readonly author: Author; readonly after: number; readonly to?: number };

/** Events of other authors. `length`: the characters of their records, and of those that were dropped. */
type Others = { readonly events: readonly DomainEvent[]; readonly length: number };

/**
 * The events of a stream that other authors added after a version. Of more records than `lengthMax` characters, only
 * the latest ones: at least one.
 */
export async function readOthers(
  source: StreamSource,
  stream: StreamName,
  range: OthersRange,
  lengthMax: number,
): Promise<Others> {
  const records: Others[] = [];
  let [kept, length, count] = [0, 0, 0];
  for await (const { stored, record } of storedRecords(source, stream, range.after)) {
    const events = record ? othersIn(source.domain, record, stream, range) : [];
    if (events.length > 0) {
      records.push({ events, length: stored.text.length });
      [kept, length, count] = [kept + stored.text.length, length + stored.text.length, count + events.length];
    }
    while (records.length > 1 && (kept > lengthMax || count > OTHERS_EVENTS_MAX)) {
      const oldest = records.shift();
      [kept, count] = [kept - (oldest?.length ?? 0), count - (oldest?.events.length ?? 0)];
    }
    if (lastVersion(stored, stream) >= (range.to ?? Infinity)) break;
  }
  return { events: records.flatMap(({ events }) => events).slice(-OTHERS_EVENTS_MAX), length };
}

/** The streams of a batch as they are now, and the records that the batch added. */
type BatchStreams = {
  readonly streams: ReadonlyMap<string, KnownStream>;
  readonly batch: readonly CommitRecord[];
};

/** The latest events of other authors on the streams that a rejected command names, in the order of the streams. */
export async function readForRejection(
  source: StreamSource,
  { streams, batch }: BatchStreams,
  author: Commit,
  command: CommitCommand,
): Promise<readonly DomainEvent[]> {
  const latest: DomainEvent[] = [];
  let length = 0;
  // A rejection contains the last events. The stream that the command writes is the last one.
  for (const stream of [...namedBy(command)].toReversed()) {
    if (latest.length >= THEIRS_MAX || length >= REJECTION_LENGTH_MAX) break;
    const known = streams.get(stream);
    const range = { author, after: seenOf(command, stream) };
    if (!known || !mayHoldOthers(known, range)) continue;
    const stored = await readLatest(source, stream, known, range);
    latest.unshift(...stored.events, ...batch.flatMap((record) => othersIn(source.domain, record, stream, range)));
    length += stored.length;
  }
  return latest;
}

/** Reads the versions before the last one of other authors: few of them, or more if they have no event. */
async function readLatest(
  source: StreamSource,
  stream: StreamName,
  { state, authors }: KnownStream,
  { author, after }: OthersRange,
): Promise<Others> {
  const to = authors ? lastOfOthers(authors, author) : state.version;
  for (let count = THEIRS_MAX; ; count *= 4) {
    const from = Math.max(after, to - count);
    const others = await readOthers(source, stream, { author, after: from, to }, REJECTION_LENGTH_MAX);
    if (others.events.length > 0 || from === after) return others;
  }
}

export function othersIn(
  domain: DomainDefinition,
  record: CommitRecord,
  stream: StreamName,
  { author, after }: OthersRange,
): readonly DomainEvent[] {
  if (isSameAuthor(record, author)) return [];
  return record.events.flatMap((event, n) =>
    event.stream === stream && event.version > after ? readableEvents(domain, record, n) : [],
  );
}

/** True if other authors wrote to a stream after a version, or if only the store knows. */
export function mayHoldOthers({ state, authors }: KnownStream, { author, after }: OthersRange): boolean {
  return state.version > after && (!authors || lastOfOthers(authors, author) > after);
}

/** The last version that another author wrote. 0: there is none. */
function lastOfOthers(authors: NonNullable<KnownStream["authors"]>, author: Author): number {
  const own = authorKey(author);
  return Math.max(0, ...Array.from(authors, ([key, last]) => (key === own ? 0 : last)));
}
