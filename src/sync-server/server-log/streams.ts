/** Reads streams of a log for the code of the server: states and events. */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { emptyStream, foldStream } from "../../core/fold/fold.ts";
import { type CommitRecord, encodeCursor, positionOf, readableEvents } from "../../core/history/record.ts";
import { RejectedError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { EventStore } from "../stores/event-store.ts";
import { recordIn } from "../stores/stored-record.ts";
import { foldStored, LogMoved, type StreamSource } from "../streams/read-stream.ts";
import { readSnapshots } from "../streams/snapshots.ts";
import type { KnownStream } from "../streams/stream-cache.ts";
import { gone } from "../base/gone.ts";
import { notNow, unreadable } from "./log-errors.ts";

export type StreamReads = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly env: Env;
};

/** The state of a stream, with the version of its last event and the cursor of the log at which it was read. */
export type LoadedStream<State> = {
  /** The state. Without events: the initial state of the aggregate. */
  readonly state: State;
  /** The number of events in the stream. 0: it does not exist. */
  readonly version: number;
  /** The cursor of the log at which the state was read. Null: the log has no record. */
  readonly at: string | null;
};

/** The place in the history of a stream: after the event with this version, or up to this position of the log. */
export type StreamPlace = { readonly version: number } | { readonly position: number };

const PAGE = { events: 1_000, bytes: 1024 * 1024 };
/** Reads of a stream that other writers may disturb, at most. */
const READS_MAX = 20;

export async function loadStream(
  { domain, store, env }: StreamReads,
  log: LogName,
  stream: StreamName,
): Promise<LoadedStream<Json>> {
  for (let read = 0; read < READS_MAX; read++) {
    const head = await store.head(log);
    if (head.kind === "gone") throw gone(log);
    const cursor = head.kind === "open" ? head.cursor : null;
    const source = { store, log, domain, end: positionOf(cursor), onRead: env.nextTurn };
    const known = await loadKnown(source, stream).catch((error: unknown) => {
      if (error instanceof LogMoved) return null;
      throw error;
    });
    if (!known) continue;
    const { state, version, unreadable: problem } = known.state;
    if (problem) throw unreadable(stream, problem.reason);
    return { state, version, at: cursor && encodeCursor(cursor) };
  }
  throw notNow(log, "other writers changed the stream during each read");
}

async function loadKnown(source: StreamSource, stream: StreamName): Promise<KnownStream> {
  const { streams } = await readSnapshots(source, [stream]);
  return foldStored(source, stream, streams.get(stream));
}

export async function loadStreamAt(
  reads: StreamReads,
  log: LogName,
  stream: StreamName,
  place: StreamPlace,
): Promise<Json> {
  const { domain } = reads;
  const isBehind = (version: number, position: number): boolean =>
    "version" in place ? version > place.version : position > place.position;
  let at = emptyStream(domain, stream);
  for await (const { record, n } of eventsOf(reads, log, stream, 0)) {
    if (isBehind(record.events[n]?.version ?? 0, record.position + n)) break;
    at = foldStream(domain, at, record, n).next;
  }
  if (at.unreadable) throw unreadable(stream, at.unreadable.reason);
  if (!("version" in place) || at.version === place.version) return at.state;
  throw new RejectedError({
    message: `${stream} has ${at.version} version(s), not ${place.version}`,
    fix: "Pass a version from 0 to that of the last event.",
    details: { code: "no-such-version", stream, version: place.version, last: at.version },
  });
}

/** The events of a stream after a version, in order. */
export async function* historyOf(
  reads: StreamReads,
  log: LogName,
  stream: StreamName,
  after: number,
): AsyncGenerator<DomainEvent, void, undefined> {
  for await (const { record, n } of eventsOf(reads, log, stream, after)) {
    yield* readableEvents(reads.domain, record, n);
  }
}

async function* eventsOf(
  { store, env }: StreamReads,
  log: LogName,
  stream: StreamName,
  after: number,
): AsyncGenerator<{ readonly record: CommitRecord; readonly n: number }, void, undefined> {
  for (let from = after; ;) {
    const page = await store.readStream(log, stream, from, PAGE);
    if (page.length === 0) {
      if ((await store.head(log)).kind === "gone") throw gone(log);
      return;
    }
    for (const stored of page) {
      const record = recordIn(log, stored);
      for (const [n, event] of record.events.entries()) {
        if (event.stream !== stream || event.version <= from) continue;
        from = event.version;
        yield { record, n };
      }
    }
    await env.nextTurn();
  }
}
