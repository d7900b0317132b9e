/**
 * The streams that the commits of one batch are decided on: read from the store, then kept up to date with the records
 * of the batch.
 *
 * For each commit: compute its needs, read what is missing, reconcile once on plain data.
 *
 * Guarantees:
 * - All data is of the head that the append will name. If the log moved meanwhile, reading throws `LogMoved`.
 * - A commit that no other author came before reads only the current states of its streams
 *   (test/unit/sync-server/streams/stream-windows.test.ts).
 * - A bug of Dacapo never rejects a commit. It throws `DecideFailure` (same test).
 */
import type { Commit } from "../../core/history/commit.ts";
import { BugError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";
import { type CommitNeeds, commitNeeds, namedBy } from "../../core/decide/commit-needs.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { StreamState } from "../../core/fold/fold.ts";
import { reconcileCommit, type Reconciled, type StreamWindow } from "../../core/decide/reconcile-commit.ts";
import type { CommitRecord } from "../../core/history/record.ts";
import type { Env } from "../base/env.ts";
import { readSnapshots, SNAPSHOT_EVENTS, type Snapshots } from "./snapshots.ts";
import type { KnownStream } from "./stream-cache.ts";
import { addFolded, foldAsSeen, foldAuthored, foldStored, newStream, type StreamSource } from "./read-stream.ts";
import { mayHoldOthers, othersIn, readForRejection, readOthers } from "./other-authors.ts";
import { authorKey } from "../../core/history/author.ts";
import type { StreamName } from "../../core/values/ids.ts";

/**
 * Stored events that are read before other work of the server gets its turn: a few milliseconds of work. A store on
 * the same machine answers without waiting, so reading alone would not let other work continue.
 */
const EVENTS_A_TURN = 2_000;
/** Characters of records that count as one stored event, so that a large one counts as several. */
const EVENT_LENGTH = 1_024;
/**
 * Events of a stream that is folded again as its author saw it, at most. For a longer stream, `keep` and merges decide
 * again on the current state.
 */
const AUTHORED_EVENTS_MAX = 50_000;
/** Characters of the records of other authors that are kept for one commit. Its streams get equal shares. */
const OTHERS_LENGTH_MAX = 4 * 1024 * 1024;

export type StreamWindows = {
  /** Reads the states of streams in parallel, if they were not read before. */
  readonly load: (streams: ReadonlySet<StreamName>) => Promise<void>;
  /**
   * Decides a commit whose first event gets this position. Throws `DecideFailure` for a bug of Dacapo, `LogMoved` if
   * the log moved.
   */
  readonly reconcile: (commit: Commit, now: number, position: number) => Promise<Reconciled>;
  /** Adds a record that was decided in this batch, and the states that it changed. */
  readonly add: (record: CommitRecord, changed: ReadonlyMap<StreamName, StreamState>) => void;
  /** All streams that were read, with the records that were added. */
  readonly known: () => ReadonlyMap<string, KnownStream>;
  /** The streams whose read folded many events, as they are now, and the revision of the stored snapshots. */
  readonly longStreams: () => Snapshots;
  /** The number of stored events that were read so far. A large event counts as several. */
  readonly eventsRead: () => number;
};

export type WindowsContext = Omit<StreamSource, "onRead" | "end"> & { readonly env: Pick<Env, "nextTurn"> };

export function openWindows(
  { store, log, domain, env }: WindowsContext,
  end: number,
  cached: ReadonlyMap<string, KnownStream>,
): StreamWindows {
  const { onRead, eventsRead } = countReads(env);
  const source: StreamSource = { store, log, domain, end, onRead };
  const streams = new Map<string, KnownStream>();
  const batch: CommitRecord[] = [];
  const long = new Set<StreamName>();
  let revision = 0;
  // The stored part of authored states. Kept, because commits of one device have often seen the same version.
  const authoredBefore = new Map<string, StreamState>();

  const load = async (names: ReadonlySet<StreamName>): Promise<void> => {
    const unread: StreamName[] = [];
    for (const stream of names) {
      if (streams.has(stream)) continue;
      const known = cached.get(stream);
      if (known) streams.set(stream, known);
      else unread.push(stream);
    }
    if (unread.length === 0) return;
    // A single stream is read at once. Of many, only those with events are read.
    const written = unread.length > 1 ? await store.written(log, unread) : new Set(unread);
    for (const stream of unread) if (!written.has(stream)) streams.set(stream, newStream(domain, stream));
    if (written.size === 0) return;
    const snapshots = await readSnapshots(source, written);
    revision = snapshots.revision;
    const read = async (stream: StreamName): Promise<void> => {
      let folded = 0;
      const counting = {
        ...source,
        onRead: (events: number, length: number) => ((folded += events), onRead(events, length)),
      };
      streams.set(stream, await foldStored(counting, stream, snapshots.streams.get(stream)));
      if (folded >= SNAPSHOT_EVENTS && store.models) long.add(stream);
    };
    await Promise.all(Array.from(written, read));
  };
  const readAuthored = async (commit: Commit, stream: StreamName, seen: number): Promise<StreamState> => {
    const key = `${stream} ${seen} ${authorKey(commit)}`;
    const before = authoredBefore.get(key) ?? (await foldAuthored(source, stream, seen, commit));
    authoredBefore.set(key, before);
    return batch.reduce((at, record) => foldAsSeen(domain, at, record, stream, seen, commit), before);
  };
  const readSince: Reads["readSince"] = async (author, stream, after, lengthMax) => [
    ...(await readOthers(source, stream, { author, after }, lengthMax)).events,
    ...batch.flatMap((record) => othersIn(domain, record, stream, { author, after })),
  ];

  return {
    load,
    reconcile: async (commit, now, position) => {
      const needs = runCore(commit, () => commitNeeds(domain, commit));
      await load(needs.streams);
      const window = await readWindows(commit, needs, streams, { readAuthored, readSince });
      const reconciled = runCore(commit, () =>
        reconcileCommit(domain, commit, { mode: "server", now, position, window, prepared: needs.prepared }),
      );
      const command = reconciled.kind === "events" ? undefined : commit.commands[reconciled.commandIndex];
      // The events of guarded streams were read for the decision.
      if (!command || [...namedBy(command)].every((stream) => needs.guarded.has(stream))) return reconciled;
      return { ...reconciled, theirs: await readForRejection(source, { streams, batch }, commit, command) };
    },
    add: (record, changed) => {
      batch.push(record);
      addFolded(streams, record, changed);
    },
    known: () => streams,
    longStreams: () => ({
      revision,
      streams: new Map(Array.from(long, (stream) => [stream, streams.get(stream) ?? newStream(domain, stream)])),
    }),
    eventsRead,
  };
}

/** Counts the events that are read, and lets other work continue in between. */
function countReads({
  nextTurn,
}: Pick<Env, "nextTurn">): Pick<StreamSource, "onRead"> & Pick<StreamWindows, "eventsRead"> {
  let eventsRead = 0;
  let turnEnds = EVENTS_A_TURN;
  return {
    onRead: async (events, length) => {
      eventsRead += Math.max(events, length / EVENT_LENGTH);
      if (eventsRead < turnEnds) return;
      turnEnds = eventsRead + EVENTS_A_TURN;
      await nextTurn();
    },
    eventsRead: () => eventsRead,
  };
}

/**
 * Dacapo's own code threw while it decided a commit. `cause` is the BugError to report.
 *
 * The author did nothing wrong, so the commit must stay undecided. A fixed release of the server decides it later.
 */
export class DecideFailure extends Error {}

/** Runs a step of the core. The core catches what an app's functions throw, so an error here is a bug of Dacapo. */
function runCore<T>({ id }: Commit, step: () => T): T {
  try {
    return step();
  } catch (error) {
    const bug = new BugError(`The server failed to decide commit ${id}: ${reasonOf(error)}`, { commit: id });
    bug.cause = error;
    throw new DecideFailure(bug.message, { cause: bug });
  }
}

type Reads = {
  readonly readAuthored: (commit: Commit, stream: StreamName, seen: number) => Promise<StreamState>;
  readonly readSince: (
    commit: Commit,
    stream: StreamName,
    from: number,
    lengthMax: number,
  ) => Promise<readonly DomainEvent[]>;
};

const NO_EVENTS: readonly DomainEvent[] = [];

/** Reads the windows of one commit. A stream that no other author wrote to needs no read but its current state. */
async function readWindows(
  commit: Commit,
  needs: CommitNeeds,
  streams: ReadonlyMap<string, KnownStream>,
  { readAuthored, readSince }: Reads,
): Promise<(stream: StreamName) => StreamWindow> {
  const since = new Map<string, readonly DomainEvent[]>();
  const conflicting = Array.from(needs.seen).filter(([stream, after]) => {
    const known = needs.guarded.has(stream) ? streams.get(stream) : undefined;
    return known && mayHoldOthers(known, { author: commit, after });
  });
  for (const [stream, from] of conflicting)
    since.set(stream, await readSince(commit, stream, from, OTHERS_LENGTH_MAX / conflicting.length));

  const authored = new Map<string, StreamState>();
  for (const { stream, seen } of needs.authored) {
    const known = streams.get(stream);
    if (!known || known.state.version > AUTHORED_EVENTS_MAX) continue;
    const from = needs.seen.get(stream);
    const othersCame =
      from !== undefined && seen >= from
        ? (since.get(stream) ?? []).some(({ version }) => version > seen)
        : mayHoldOthers(known, { author: commit, after: seen });
    // Without other authors' events after `seen`, the author saw the stream as it is. An unreadable stream is refused.
    const isAsSeen = !othersCame || known.state.unreadable !== null;
    authored.set(`${stream} ${seen}`, isAsSeen ? known.state : await readAuthored(commit, stream, seen));
  }

  return (stream) => {
    const known = needed(needs.streams.has(stream) ? streams.get(stream) : undefined, stream);
    return {
      current: known.state,
      from: needs.seen.get(stream) ?? known.state.version,
      since: since.get(stream) ?? NO_EVENTS,
      authored:
        known.state.version > AUTHORED_EVENTS_MAX
          ? null
          : (seen) => needed(authored.get(`${stream} ${seen}`), `${stream} as seen at version ${seen}`),
    };
  };
}

/** A read outside the needs of a commit is a bug: `commitNeeds` and `reconcileCommit` disagree. */
function needed<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new BugError(`The needs of a commit do not contain ${what}`);
  return value;
}
