/**
 * What `reconcile` needs to know of streams: read from the store, carried on through the commits of one batch.
 *
 * Place: `settle-batch` opens one for each round, decides all waiting commits on it in turn, and throws it away or,
 * after the append, hands its states to the cache.
 * Holds: all of it was read after the head that the append will name, so what another node changes meanwhile never becomes
 * an outcome.
 *
 * `reconcile` is pure and cannot wait. Where it asks for something that was not read yet, the question is thrown, answered by
 * reading, and the commit is reconciled again. What most commits need is read before.
 */
import { type Commit, lowestSeen, streamsOf } from "../../core/history/commit.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { emptyStream, type StreamState } from "../../core/fold/fold.ts";
import { reconcileCommit, type Reconciled, type StreamWindow } from "../../core/decide/reconcile-commit.ts";
import type { CommitRecord } from "../../core/history/record.ts";
import type { Env } from "../base/env.ts";
import type { KnownStream } from "./stream-cache.ts";
import {
  foldAsSeen,
  foldAuthored,
  foldKnown,
  foldStored,
  mayHoldOthers,
  othersIn,
  readOthers,
  type StreamSource,
} from "./read-stream.ts";
import { authorKey } from "../../core/history/author.ts";

/** So many stored events are read before others get their turn: some milliseconds' work. A store on this machine answers without a wait. */
const EVENTS_A_TURN = 2_000;
/** A stream longer than this is not folded again as its author saw it: its history counts as gone, and `keep` decides again. */
const AUTHORED_EVENTS_MAX = 50_000;

export type StreamWindows = {
  /** Reads the states of streams, all at once. */
  readonly load: (streams: Iterable<string>) => Promise<void>;
  readonly reconcile: (commit: Commit, now: number) => Promise<Reconciled>;
  /** Takes in a record that was decided in this batch. */
  readonly add: (record: CommitRecord) => void;
  /** The streams that were needed, as they stand with the records that were added. */
  readonly known: () => ReadonlyMap<string, KnownStream>;
  /** How many stored events were read so far. */
  readonly eventsRead: () => number;
};

export type WindowsContext = Omit<StreamSource, "onRead" | "end"> & { readonly env: Pick<Env, "nextTurn"> };

export function openWindows(
  { store, log, domain, env }: WindowsContext,
  end: number,
  cached: ReadonlyMap<string, KnownStream>,
): StreamWindows {
  let eventsRead = 0;
  let turnEnds = EVENTS_A_TURN;
  const onRead = async (events: number): Promise<void> => {
    eventsRead += events;
    if (eventsRead < turnEnds) return;
    turnEnds = eventsRead + EVENTS_A_TURN;
    await env.nextTurn();
  };
  const source: StreamSource = { store, log, domain, end, onRead };
  const streams = new Map<string, KnownStream>();
  const batch: CommitRecord[] = [];
  // The stored part of what authors saw. Commits of one device have often seen the same.
  const authoredBefore = new Map<string, StreamState>();

  const load = async (names: Iterable<string>): Promise<void> => {
    const missing = [...new Set(names)].filter((stream) => !streams.has(stream));
    await Promise.all(
      missing.map(async (stream) => streams.set(stream, cached.get(stream) ?? (await foldStored(source, stream)))),
    );
  };
  const readAuthored = async (commit: Commit, stream: string, seen: number): Promise<StreamState> => {
    const key = `${stream} ${seen} ${authorKey(commit)}`;
    const before = authoredBefore.get(key) ?? (await foldAuthored(source, stream, seen, commit));
    authoredBefore.set(key, before);
    return batch.reduce((at, record) => foldAsSeen(domain, at, record, stream, seen, commit), before);
  };
  const readSince = async (commit: Commit, stream: string, from: number): Promise<readonly DomainEvent[]> => [
    ...(await readOthers(source, stream, from, commit)),
    ...batch.flatMap((record) => othersIn(domain, record, stream, from, commit)),
  ];

  return {
    load,
    reconcile: async (commit, now) => {
      await load(streamsOf(commit));
      const window = commitWindows(commit, streams, { load, readAuthored, readSince });
      for (;;) {
        try {
          return reconcileCommit(domain, commit, { mode: "server", now, window });
        } catch (question) {
          if (!(question instanceof NotRead)) return failed(question);
          // Each answer is kept, so this ends: a commit names a bounded number of streams.
          await question.read();
        }
      }
    },
    add: (record) => {
      batch.push(record);
      for (const stream of new Set(record.events.map((event) => event.stream))) {
        const known = streams.get(stream) ?? { state: emptyStream(domain, stream), authors: new Map() };
        streams.set(stream, foldKnown(domain, known, record, stream));
      }
    },
    known: () => streams,
    eventsRead: () => eventsRead,
  };
}

/** Thrown through `reconcile` for what was not read yet. */
class NotRead extends Error {
  readonly read: () => Promise<void>;
  constructor(read: () => Promise<void>) {
    super("Something was needed that was not read yet");
    this.read = read;
  }
}

/** What the core never throws, were it without faults. One commit that finds one must not hold up those behind it for ever. */
function failed(error: unknown): Reconciled {
  const message = `The server failed to decide this: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
  return { kind: "rejected", command: 0, defect: { kind: "failed", code: "command-failed", message }, theirs: [] };
}

type Reads = {
  readonly load: (streams: Iterable<string>) => Promise<void>;
  readonly readAuthored: (commit: Commit, stream: string, seen: number) => Promise<StreamState>;
  readonly readSince: (commit: Commit, stream: string, from: number) => Promise<readonly DomainEvent[]>;
};

/** The windows of one commit. What it asks for and finds missing is read for all its places at once. */
function commitWindows(
  commit: Commit,
  streams: ReadonlyMap<string, KnownStream>,
  reads: Reads,
): (stream: string) => StreamWindow {
  const lowest = lowestSeen(commit);
  const since = new Map<string, readonly DomainEvent[]>();
  const asSeen = new Map<string, StreamState>();

  const lacksSince = (stream: string, from: number): boolean => {
    const known = streams.get(stream);
    return known !== undefined && !since.has(stream) && mayHoldOthers(known, from, commit);
  };
  const readAllSince = async (): Promise<void> => {
    for (const [stream, from] of lowest)
      if (lacksSince(stream, from)) since.set(stream, await reads.readSince(commit, stream, from));
  };
  const readAllAuthored = async (stream: string, seen: number): Promise<void> => {
    for (const place of [{ stream, seen }, ...commit.commands.flatMap((command) => [command, ...command.reads])]) {
      const at = Math.min(place.seen, streams.get(place.stream)?.state.version ?? 0);
      const key = `${place.stream} ${at}`;
      if (!asSeen.has(key)) asSeen.set(key, await reads.readAuthored(commit, place.stream, at));
    }
  };

  return (stream) => {
    const known = streams.get(stream);
    if (!known) throw new NotRead(() => reads.load([stream]));
    // A stream that the author did not name has no `since`: the core counts it as never seen.
    const from = lowest.get(stream) ?? known.state.version;
    if (lacksSince(stream, from)) throw new NotRead(readAllSince);
    const authored = (seen: number): StreamState => {
      const state = asSeen.get(`${stream} ${seen}`);
      if (!state) throw new NotRead(() => readAllAuthored(stream, seen));
      return state;
    };
    return {
      current: known.state,
      from,
      since: since.get(stream) ?? [],
      authored: known.state.version > AUTHORED_EVENTS_MAX ? null : authored,
    };
  };
}
