/**
 * The needs of a commit: everything that deciding it reads, computed from the commit and the domain alone.
 *
 * Guarantees:
 * - `reconcileCommit` reads nothing that is not in the needs (test/unit/core/decide/commit-needs.test.ts).
 * - The needs do not depend on the log, because `reads` of a command is a function of its input only.
 * - No read of the log happens here.
 */
import { type Commit, type CommitCommand, lowestSeen, type StreamSeen } from "../history/commit.ts";
import { type PreparedCommand, prepareCommand } from "./decide-command.ts";
import type { CommandDefinition, ConflictPolicy, DomainDefinition } from "../domain/definition.ts";
import type { StreamName } from "../values/ids.ts";

export type CommitNeeds = {
  /** Streams whose current state is needed: each stream that the commit names or that a command reads. */
  readonly streams: ReadonlySet<string>;
  /**
   * The lowest version that the author has seen of each stream that the commit names. A stream that a command reads and
   * the commit does not list is not in this map: it was never seen.
   */
  readonly seen: ReadonlyMap<string, number>;
  /**
   * The streams of the commands with another policy than `rebase`. Other authors' events after `seen` are needed, or
   * the latest of them. On other streams, such events are only for a rejection.
   */
  readonly guarded: ReadonlySet<string>;
  /** Streams that are needed as the author saw them, each (stream, seen) once: for commands that keep or merge. */
  readonly authored: readonly StreamSeen[];
  /** True if a command is decided with the receiver's clock. */
  readonly isTimed: boolean;
  /**
   * The commands in their order, with checked inputs. `reconcileCommit` takes them, because a second call of an app's
   * `reads` could return other streams than the ones listed here.
   */
  readonly prepared: readonly PreparedCommand[];
};

/** Computes which streams a commit needs, from which versions, and which of them as the author saw them. */
export function commitNeeds(domain: DomainDefinition, commit: Commit): CommitNeeds {
  const seen = lowestSeen(commit);
  const streams = new Set(seen.keys());
  const guarded = new Set<string>();
  const authored = new Map<string, StreamSeen>();
  const prepared: PreparedCommand[] = [];
  let isTimed = false;
  for (const command of commit.commands) {
    const one = prepareCommand(domain, command);
    prepared.push(one);
    // A command that cannot be decided adds no more needs.
    if ("defect" in one) continue;
    const { definition, reads } = one.ready;
    isTimed ||= definition.time === "server";
    for (const stream of Object.values(reads)) streams.add(stream);
    const policy = policyOf(commit, definition);
    if (policy === "rebase") continue;
    const used = [command.stream, ...Object.values(reads)];
    for (const stream of [...used, ...namedBy(command)]) guarded.add(stream);
    if (policy === "reject") continue;
    for (const stream of used) {
      const at = { stream, seen: seenOf(command, stream) };
      authored.set(`${at.stream} ${at.seen}`, at);
    }
  }
  return { streams, seen, guarded, authored: [...authored.values()], isTimed, prepared };
}

/** The policy of a command in a commit. `onConflict` of the commit replaces `rebase`. */
export function policyOf(commit: Commit, { onConflict }: CommandDefinition): ConflictPolicy {
  return onConflict === "rebase" ? (commit.onConflict ?? onConflict) : onConflict;
}

/** The streams that a command names, each once. The stream that it writes is the last, unless it reads that too. */
export function namedBy({ reads, stream }: CommitCommand): ReadonlySet<StreamName> {
  return new Set([...reads.map((read) => read.stream), stream]);
}

/** The version of a stream that the author of a command claims to have seen. */
export function seenOf(command: CommitCommand, stream: StreamName): number {
  if (stream === command.stream) return command.seen;
  // A stream that is not named was never seen. If a stream is named twice, the lower version counts.
  const named = command.reads.flatMap((read) => (read.stream === stream ? [read.seen] : []));
  return named.length === 0 ? 0 : Math.min(...named);
}
