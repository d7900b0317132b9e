/**
 * A commit: one author's atomic step as it was made on a device. One command, or several that stand or fall together.
 *
 * Holds: a commit is never rewritten after it was made (only `seen` is lowered when histories part); its id is all that
 * makes pushing it again harmless. The events in it are what its author expects, never what is stored.
 */
import type { Json } from "../values/json.ts";

/** An event as its author expects it. `v` is the version of its data's form. */
export type ExpectedEvent = { readonly type: string; readonly v: number; readonly data: Json };

/** A stream that a command read, and the confirmed version its author had of it. */
export type StreamSeen = { readonly stream: string; readonly seen: number };

export type CommitCommand = StreamSeen & {
  readonly reads: readonly StreamSeen[];
  readonly name: string;
  /** Version of the input's form. */
  readonly v: number;
  readonly input?: Json;
  readonly events: readonly ExpectedEvent[];
};

export type Commit = {
  /** A UUID, made on the device. Unique in a log, whoever sends it. */
  readonly id: string;
  /** The device: its database for this log and user. */
  readonly client: string;
  readonly actor: string;
  /** Milliseconds since the epoch by the author's hybrid logical clock. */
  readonly time: number;
  /** The app's own remarks, carried along and never read. */
  readonly meta: Json;
  readonly commands: readonly CommitCommand[];
};

/** The streams that a commit names, each once. */
export function streamsOf(commit: Commit): ReadonlySet<string> {
  const streams = new Set<string>();
  for (const command of commit.commands) {
    streams.add(command.stream);
    for (const read of command.reads) streams.add(read.stream);
  }
  return streams;
}

/** The lowest version that a commit has seen of each stream that it names. */
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
 * The commit with each `seen` at most the version up to which two parted histories agree.
 *
 * Source: architecture, "When histories part", step 3.
 */
export function lowerSeen(commit: Commit, agreedVersion: (stream: string) => number): Commit {
  const lower = <T extends StreamSeen>(place: T): T => ({
    ...place,
    seen: Math.min(place.seen, agreedVersion(place.stream)),
  });
  return {
    ...commit,
    commands: commit.commands.map((command) => ({ ...lower(command), reads: command.reads.map(lower) })),
  };
}
