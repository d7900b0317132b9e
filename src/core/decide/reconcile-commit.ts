/**
 * Reconciling a commit: decide it on the current streams, although other authors may have written to them first.
 *
 * Guarantees:
 * - The outcome depends on the commit, the domain, the streams, the mode, and `now` for commands with server time. The
 *   order of packets does not matter, because `seen` was fixed when the commit was made
 *   (test/unit/core/decide/reconcile-commit.hostile.test.ts).
 * - It reads only what `commitNeeds` lists (test/unit/core/decide/commit-needs.test.ts).
 * - Each command sees the events of the commands before it. One rejection rejects the whole commit
 *   (test/unit/core/decide/reconcile-commit.test.ts).
 * - A device forecasts with the same function that the server decides with
 *   (test/unit/core/decide/reconcile-commit.forecast.test.ts).
 */
import { isSameAuthor } from "../history/author.ts";
import type { Commit, CommitCommand } from "../history/commit.ts";
import {
  decideCommand,
  type DecidedCommand,
  type DecideFacts,
  type Defect,
  type PreparedCommand,
  prepareCommand,
  type ReadyCommand,
} from "./decide-command.ts";
import type { ConflictPolicy, DomainDefinition } from "../domain/definition.ts";
import type { DomainEvent, Draft } from "../domain/event.ts";
import type { FoldStep, StreamState } from "../fold/fold.ts";
import { deepFreeze, type Json, sameJson } from "../values/json.ts";
import type { RecordEvent } from "../history/record.ts";
import { aggregateOf } from "../values/names.ts";
import { shortText } from "../values/reason.ts";
import { namedBy, policyOf, seenOf } from "./commit-needs.ts";
import { type StreamWindow, CommitStreams } from "./commit-streams.ts";
import type { StreamName } from "../values/ids.ts";

export type { StreamWindow } from "./commit-streams.ts";

export type ReconcileFacts = {
  readonly window: (stream: StreamName) => StreamWindow;
  /**
   * For `keep` and merges. `server`: it computes the author's decision. `device`: it reads the decision from the
   * expected events of the commit, because this device is the author.
   */
  readonly mode: "server" | "device";
  /** Milliseconds since the epoch: the receiver's clock, for commands marked `time: "server"`. */
  readonly now: number;
  /**
   * The position of the commit's first event, if the receiver knows it. Then the changed states are those of the log.
   *
   * @default null
   */
  readonly position?: number;
  /** The commit's commands as `commitNeeds` prepared them. Without them they are prepared here. */
  readonly prepared?: readonly PreparedCommand[];
};

/** The events of a commit, and each of them folded into its stream. */
export type Decided = { readonly events: readonly RecordEvent[]; readonly steps: readonly FoldStep[] };

/**
 * The events of the whole commit and of each command (maybe none), with the states of the streams that they change. Or
 * the first rejection.
 */
export type Reconciled =
  | (Decided & {
      readonly kind: "events";
      readonly ofCommand: readonly (readonly RecordEvent[])[];
      readonly changed: ReadonlyMap<string, StreamState>;
    })
  | {
      readonly kind: "rejected";
      readonly commandIndex: number;
      readonly defect: Defect;
      readonly theirs: readonly DomainEvent[];
    };

/** Decides a commit on the current streams. */
export function reconcileCommit(domain: DomainDefinition, commit: Commit, facts: ReconcileFacts): Reconciled {
  const streams = new CommitStreams(domain, commit, facts.window, facts.position ?? null);
  const ofCommand: (readonly RecordEvent[])[] = [];
  for (const [index, command] of commit.commands.entries()) {
    const from = streams.events.length;
    const decided = reconcileCommand({ domain, commit, index, command, facts, streams });
    const defect = "defect" in decided ? decided.defect : streams.add(command.stream, decided.events);
    if (defect) {
      const theirs = foreignEvents(commit, command, facts);
      return { kind: "rejected", commandIndex: index, defect: nameRelease(domain, commit, defect), theirs };
    }
    ofCommand.push(streams.events.slice(from));
  }
  return { kind: "events", events: streams.events, ofCommand, steps: streams.steps, changed: streams.changed };
}

/**
 * The defect of a commit, with the code `outdated` if an older release made the commit and this domain no longer takes
 * its names or its input. That release took both, so the fault is not the author's.
 */
function nameRelease({ version }: DomainDefinition, { domain = version }: Commit, defect: Defect): Defect {
  const isOfRelease = defect.kind === "unknown" || (defect.kind === "invalid" && defect.code === "invalid-input");
  if (domain >= version || !isOfRelease) return defect;
  return { ...defect, code: "outdated", message: shortText(`An older release made this change. ${defect.message}`) };
}

/** True if a record's events equal the events that the author of the commit expected. */
export function isExpected(commit: Commit, events: readonly RecordEvent[]): boolean {
  const expected = commit.commands.flatMap((command) =>
    command.events.map((event) => ({ ...event, stream: command.stream })),
  );
  return (
    expected.length === events.length &&
    events.every((event, n) => {
      const other = expected[n];
      return (
        other !== undefined &&
        other.type === event.type &&
        other.v === event.v &&
        other.stream === event.stream &&
        sameJson(other.data, event.data)
      );
    })
  );
}

/** One command in its commit. The streams contain the events of the earlier commands. */
type CommandScope = {
  readonly domain: DomainDefinition;
  readonly commit: Commit;
  readonly index: number;
  readonly command: CommitCommand;
  readonly facts: ReconcileFacts;
  readonly streams: CommitStreams;
};

function reconcileCommand(scope: CommandScope): DecidedCommand {
  const { domain, commit, command, facts, streams } = scope;
  const prepared = facts.prepared?.[scope.index] ?? prepareCommand(domain, command);
  if ("defect" in prepared) return prepared;
  const { ready } = prepared;
  for (const stream of [command.stream, ...Object.values(ready.reads)]) {
    const { unreadable } = streams.current(stream);
    if (unreadable) {
      const { event, reason } = unreadable;
      const message = `Stream ${stream} contains event ${event}, which this code cannot fold: ${reason}`;
      return { defect: { kind: "unreadable", code: "stream-unreadable", message } };
    }
  }

  const policy = policyOf(commit, ready.definition);
  if (policy === "rebase") return decideNow(scope, ready);
  const theirs = foreignEvents(commit, command, facts);
  // A read stream that the commit does not list counts as never seen. Otherwise a client could skip the conflict check.
  const unnamed = unnamedReads(command, ready, streams);
  if (theirs.length === 0 && unnamed.length === 0) return decideNow(scope, ready);
  if (policy === "reject") {
    const changed = [...new Set([...theirs.map((event) => event.stream), ...unnamed])];
    return {
      defect: {
        kind: "conflict",
        code: "conflict",
        message:
          theirs.length > 0
            ? `${theirs.length} event(s) of other authors came first on ${changed.join(", ")}`
            : `The commit does not list ${changed.join(", ")}, which the command reads`,
      },
    };
  }
  const mine = decideAsAuthor(scope, ready);
  // Without the author's history (too long to read), even `keep` decides on the current state.
  if (mine === null) return decideNow(scope, ready);
  return policy === "keep" ? mine : merge(scope, ready, policy, "events" in mine ? mine.events : [], theirs);
}

/** Decides on the current streams. The author's earlier decision does not count. */
function decideNow(scope: CommandScope, ready: ReadyCommand): DecidedCommand {
  return run(scope, ready, scope.streams);
}

/** Computes what the author decided on the streams that he saw. Null if these states cannot be computed any more. */
function decideAsAuthor(scope: CommandScope, ready: ReadyCommand): DecidedCommand | null {
  const { domain, command, facts, streams } = scope;
  if (facts.mode === "device") {
    const drafts = expectedDrafts(domain, command);
    return drafts && { events: drafts };
  }
  const authored = new Map<string, Json>();
  for (const stream of [command.stream, ...Object.values(ready.reads)]) {
    const state = streams.authored(stream, seenOf(command, stream));
    if (state === null || state.unreadable) return null;
    authored.set(stream, state.state);
  }
  return run(scope, ready, { stateOf: (stream) => authored.get(stream) ?? null });
}

function merge(
  scope: CommandScope,
  ready: ReadyCommand,
  policy: Exclude<ConflictPolicy, string>,
  mine: readonly Draft[],
  theirs: readonly DomainEvent[],
): DecidedCommand {
  let again = false;
  const both = { mine: deepFreeze(mine), theirs: deepFreeze(theirs) };
  const merged = run(scope, ready, scope.streams, (state, context) => {
    const answer = policy(state, ready.input, { ...context, ...both });
    if (!("rebase" in answer)) return answer;
    again = true;
    return [];
  });
  return again ? decideNow(scope, ready) : merged;
}

/** Runs `decide`, or the merge function in its place. */
function run(
  { commit, index, command, facts }: CommandScope,
  ready: ReadyCommand,
  states: DecideFacts["states"],
  merge: DecideFacts["merge"] = null,
): DecidedCommand {
  return decideCommand(ready, {
    commitId: commit.id,
    commandIndex: index,
    stream: command.stream,
    actor: commit.actor,
    time: ready.definition.time === "server" ? facts.now : commit.time,
    states,
    merge,
  });
}

/** The events that this device decided when it made the commit. Null if this release cannot read them any more. */
function expectedDrafts(domain: DomainDefinition, command: CommitCommand): readonly Draft[] | null {
  const events = domain.aggregates.get(aggregateOf(command.stream))?.events;
  const drafts: Draft[] = [];
  for (const { type, v, data } of command.events) {
    const definition = events?.get(type);
    if (!definition) return null;
    try {
      drafts.push({ type, data: deepFreeze(definition.upcast(v, data)) });
    } catch {
      return null;
    }
  }
  return drafts;
}

/** The events that other authors added to the streams of a command after the versions that its author saw. */
function foreignEvents(commit: Commit, command: CommitCommand, facts: ReconcileFacts): readonly DomainEvent[] {
  return [...namedBy(command)].flatMap((stream) => {
    const { since } = facts.window(stream);
    const seen = seenOf(command, stream);
    // Events are in order of versions, so the new events are at the end.
    const from = since.findLastIndex((event) => event.version <= seen) + 1;
    return since.slice(from).filter((event) => !isSameAuthor(event, commit));
  });
}

/** Streams that have events, that the command reads, and that the commit does not list. */
function unnamedReads(command: CommitCommand, ready: ReadyCommand, streams: CommitStreams): readonly string[] {
  const named = namedBy(command);
  return Object.values(ready.reads).filter((stream) => !named.has(stream) && streams.current(stream).version > 0);
}
