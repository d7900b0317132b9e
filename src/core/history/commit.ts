/**
 * A commit: one author's atomic step, with one command or with several that are recorded or rejected together.
 *
 * Guarantees:
 * - Nobody rewrites a commit after it was made, with two exceptions. `seen` is lowered when histories diverge
 *   (`lowerSeen`). A commit that never reached a server gets another author when its log moves (`moveLog`).
 * - A device may push a commit again without harm, because the server knows it by its id.
 * - The events in a commit are the author's expectation. The server stores its own decision.
 */
import type { Cause } from "./cause.ts";
import type { Json } from "../values/json.ts";
import type { Actor, ClientId, CommitId, StreamName } from "../values/ids.ts";

/** An event as its author expects it. `v` is the version of the event's schema. */
export type ExpectedEvent = { readonly type: string; readonly v: number; readonly data: Json };

/** A stream that a command used, and the confirmed version that its author had of the stream. */
export type StreamSeen = { readonly stream: StreamName; readonly seen: number };

/** A command of a commit. `stream` is the stream that it writes to. */
export type CommitCommand = StreamSeen & {
  /** The streams that the command read besides its own. */
  readonly reads: readonly StreamSeen[];
  readonly name: string;
  /** The version of the input's schema. */
  readonly v: number;
  readonly input?: Json;
  readonly events: readonly ExpectedEvent[];
};

/** A commit as it travels and as devices store it. */
export type Commit = Cause & {
  /** A UUID, made on the device. It is unique in a log. */
  readonly id: CommitId;
  /** The id of the device: a UUID for its database of this log and user. */
  readonly client: ClientId;
  /** The person: the `user` of `openLog`. The server checks it against the token. */
  readonly actor: Actor;
  /** Milliseconds since the epoch by the author's hybrid logical clock. */
  readonly time: number;
  /** The app's own notes. Dacapo stores them and never reads them. */
  readonly meta: Json;
  /** The version of the domain that made the commit. Without it, the version of the push counts. */
  readonly domain?: number;
  /**
   * `reject`: the commit is rejected if other authors' events came first on a stream that it names. It replaces the
   * policy `rebase` of its commands. An undo has it.
   */
  readonly onConflict?: "reject";
  readonly commands: readonly CommitCommand[];
};

/** Returns the streams that a commit names, each one once. */
export function streamsOf(commit: Commit): ReadonlySet<string> {
  const streams = new Set<string>();
  addStreams(streams, commit);
  return streams;
}

/** Adds the streams that a commit names to a set. */
export function addStreams(streams: Set<string>, commit: Commit): void {
  for (const command of commit.commands) {
    streams.add(command.stream);
    for (const read of command.reads) streams.add(read.stream);
  }
}

/** Returns the lowest version that a commit has seen of each stream that it names. */
export function lowestSeen(commit: Commit): ReadonlyMap<string, number> {
  const lowest = new Map<string, number>();
  const lower = ({ stream, seen }: StreamSeen) => lowest.set(stream, Math.min(seen, lowest.get(stream) ?? seen));
  for (const command of commit.commands) {
    lower(command);
    command.reads.forEach(lower);
  }
  return lowest;
}

/**
 * Returns the commit with each `seen` lowered to the version up to which two diverged histories agree.
 *
 * It is step 3 of the resolution of a divergence, which `docs/architecture.md` describes.
 */
export function lowerSeen(commit: Commit, agreedVersion: (stream: StreamName) => number): Commit {
  const lower = <T extends StreamSeen>(used: T): T => ({
    ...used,
    seen: Math.min(used.seen, agreedVersion(used.stream)),
  });
  return {
    ...commit,
    commands: commit.commands.map((command) => ({ ...lower(command), reads: command.reads.map(lower) })),
  };
}
