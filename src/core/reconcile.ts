/**
 * Reconciling a commit: what becomes of it, now that others may have been first.
 *
 * Place: the server's word (`authority`) and the device's forecast run the same function. The shells read the windows
 * that it needs, and append what it gives.
 * Holds: the outcome depends on the commit, the windows and the domain alone; `seen` was fixed when the commit was made, so
 * it does not matter which packet came first. Each command stands on what those before it left; one rejection
 * rejects the whole commit.
 */
import type { Commit, CommitCommand } from "./commit.ts";
import { type Decided, decideCommand, type Defect, prepareCommand, type ReadyCommand } from "./decide.ts";
import type { DecideContext, Decision, DomainDefinition } from "./definition.ts";
import type { DomainEvent, Draft } from "./event.ts";
import { foldStream, type StreamState } from "./fold.ts";
import { sameJson, type Json } from "./json.ts";
import type { RecordEvent, Unplaced } from "./record.ts";
import { aggregateOf } from "./stream-id.ts";

/** A stream as far as a commit may need it. */
export type StreamWindow = {
  readonly current: StreamState;
  /** The events after version `from`, by all authors, in order. `from` is at most what the commit has seen. */
  readonly from: number;
  readonly since: readonly DomainEvent[];
  /**
   * The stream as the author saw it: at `seen`, plus the author's own later events. Null where that history is gone,
   * or on the author's own device, which knows what it decided.
   */
  readonly authored: ((seen: number) => StreamState) | null;
};

export type ReconcileFacts = {
  readonly window: (stream: string) => StreamWindow;
  /**
   * `authority`: decides again what the author would have decided. `forecast`: takes the author's expected
   * events for that, since the author is this device.
   */
  readonly as: "authority" | "forecast";
  /** Milliseconds since the epoch: the receiver's clock, for commands marked `time: "server"`. */
  readonly now: number;
};

/** Events of the whole commit and of each of its commands (perhaps none), or the first rejection. */
export type Reconciled =
  | { readonly kind: "events"; readonly events: readonly RecordEvent[]; readonly ofCommand: readonly (readonly RecordEvent[])[] }
  | { readonly kind: "rejected"; readonly command: number; readonly defect: Defect; readonly theirs: readonly DomainEvent[] };

/** What becomes of a commit on the streams as they stand. */
export function reconcile(domain: DomainDefinition, commit: Commit, facts: ReconcileFacts): Reconciled {
  const done = new WorkingStreams(domain, commit, facts);
  const ofCommand: (readonly RecordEvent[])[] = [];
  for (const [index, command] of commit.commands.entries()) {
    const theirs = foreignEvents(commit, command, facts);
    const decided = reconcileCommand(domain, commit, index, command, theirs, facts, done);
    if ("defect" in decided) return { kind: "rejected", command: index, defect: decided.defect, theirs };
    const from = done.events.length;
    const broken = done.add(command.stream, decided.events);
    ofCommand.push(done.events.slice(from));
    if (broken) return { kind: "rejected", command: index, defect: broken, theirs };
  }
  return { kind: "events", events: done.events, ofCommand };
}

/** True where a record's events are those that the author of the commit expected. */
export function isExpected(commit: Commit, events: readonly RecordEvent[]): boolean {
  const expected = commit.commands.flatMap((command) => command.events.map((event) => ({ ...event, stream: command.stream })));
  return (
    expected.length === events.length &&
    events.every((event, n) => {
      const other = expected[n];
      return other !== undefined && other.type === event.type && other.v === event.v && other.stream === event.stream && sameJson(other.data, event.data);
    })
  );
}

function reconcileCommand(
  domain: DomainDefinition,
  commit: Commit,
  commandIndex: number,
  command: CommitCommand,
  theirs: readonly DomainEvent[],
  facts: ReconcileFacts,
  done: WorkingStreams,
): Decided {
  const prepared = prepareCommand(domain, command);
  if ("defect" in prepared) return prepared;
  const { ready } = prepared;
  const streams = [command.stream, ...Object.values(ready.reads)];
  for (const stream of streams) {
    const { unreadable } = done.current(stream);
    if (unreadable) return { defect: { kind: "unreadable", code: "stream-unreadable", message: `Stream ${stream} holds event ${unreadable.event}, which this code cannot fold: ${unreadable.reason}` } };
  }

  const run = (states: (stream: string) => Json, how: (context: DecideContext, state: Json) => Decision): Decided =>
    decideCommand(
      ready,
      {
        commit: commit.id,
        commandIndex,
        stream: command.stream,
        actor: commit.actor,
        time: ready.definition.time === "server" ? facts.now : commit.time,
        state: states(command.stream),
        states,
      },
      (context) => how(context, states(command.stream)),
    );
  const now = (stream: string): Json => done.current(stream).state;
  const decideAgain = (): Decided => run(now, (context, state) => ready.definition.decide(state, ready.input, context));

  const policy = ready.definition.onConflict;
  // A stream that is read without having been named by the author counts as never seen: his word alone never spares a check.
  const conflict = theirs.length > 0 || unseenReads(command, ready, done);
  if (!conflict || policy === "rebase") return decideAgain();
  if (policy === "reject") {
    return { defect: { kind: "conflict", code: "conflict", message: `${theirs.length} event(s) of others came first on ${[...new Set(theirs.map((event) => event.stream))].join(", ")}` } };
  }
  const mine = decideAsAuthor(domain, command, ready, facts, done, run);
  if (mine === null) return decideAgain();
  if (policy === "keep") return mine;

  let again = false;
  const merged = run(now, (context, state) => {
    const answer = policy(state, ready.input, { ...context, mine: "events" in mine ? mine.events : [], theirs });
    if ("rebase" in answer) {
      again = true;
      return [];
    }
    return answer;
  });
  return again ? decideAgain() : merged;
}

/** What the author would have decided on what he saw; null where that can no longer be told. */
function decideAsAuthor(
  domain: DomainDefinition,
  command: CommitCommand,
  ready: ReadyCommand,
  facts: ReconcileFacts,
  done: WorkingStreams,
  run: (states: (stream: string) => Json, how: (context: DecideContext, state: Json) => Decision) => Decided,
): Decided | null {
  if (facts.as === "forecast") return { events: expectedDrafts(domain, command) };
  const authored = new Map<string, Json>();
  for (const stream of [command.stream, ...Object.values(ready.reads)]) {
    const state = done.authored(stream, seenOf(command, stream));
    if (state === null || state.unreadable) return null;
    authored.set(stream, state.state);
  }
  return run((stream) => authored.get(stream) ?? null, (context, state) => ready.definition.decide(state, ready.input, context));
}

function expectedDrafts(domain: DomainDefinition, command: CommitCommand): readonly Draft[] {
  const events = domain.aggregates.get(aggregateOf(command.stream))?.events;
  return command.events.map(({ type, v, data }) => {
    const definition = events?.get(type);
    return { type, data: definition && v < definition.version ? definition.upcast(v, data) : data };
  });
}

function foreignEvents(commit: Commit, command: CommitCommand, facts: ReconcileFacts): readonly DomainEvent[] {
  const places = new Map([...command.reads, command].map(({ stream, seen }) => [stream, seen]));
  return [...places].flatMap(([stream, seen]) =>
    facts.window(stream).since.filter((event) => event.version > seen && !(event.actor === commit.actor && event.client === commit.client)),
  );
}

function unseenReads(command: CommitCommand, ready: ReadyCommand, done: WorkingStreams): boolean {
  const named = new Set([command.stream, ...command.reads.map((read) => read.stream)]);
  return Object.values(ready.reads).some((stream) => !named.has(stream) && done.current(stream).version > 0);
}

function seenOf(command: CommitCommand, stream: string): number {
  if (stream === command.stream) return command.seen;
  return command.reads.find((read) => read.stream === stream)?.seen ?? 0;
}

/** The streams of one commit while its commands are decided in turn. */
class WorkingStreams {
  readonly events: RecordEvent[] = [];
  readonly #domain: DomainDefinition;
  readonly #commit: Commit;
  readonly #facts: ReconcileFacts;
  readonly #changed = new Map<string, StreamState>();

  constructor(domain: DomainDefinition, commit: Commit, facts: ReconcileFacts) {
    this.#domain = domain;
    this.#commit = commit;
    this.#facts = facts;
  }

  current(stream: string): StreamState {
    return this.#changed.get(stream) ?? this.#facts.window(stream).current;
  }

  /** The stream as the author saw it, with what the commit's earlier commands did to it. */
  authored(stream: string, seen: number): StreamState | null {
    const { authored } = this.#facts.window(stream);
    if (!authored) return null;
    const { current } = this.#facts.window(stream);
    return this.events.reduce(
      (at, event, n) => (event.stream === stream ? foldStream(this.#domain, at, this.#unplaced(), n).next : at),
      authored(Math.min(seen, current.version)),
    );
  }

  /** Places the drafts of a command behind what is there; gives a defect where one cannot be folded. */
  add(stream: string, drafts: readonly Draft[]): Defect | null {
    const definitions = this.#domain.aggregates.get(aggregateOf(stream))?.events;
    for (const { type, data } of drafts) {
      const at = this.current(stream);
      this.events.push({ type, v: definitions?.get(type)?.version ?? 1, stream, version: at.version + 1, data });
      const { next } = foldStream(this.#domain, at, this.#unplaced(), this.events.length - 1);
      if (next.unreadable) return { kind: "failed", code: "event-unfoldable", message: `Event ${type} of ${stream} cannot be folded: ${next.unreadable.reason}` };
      this.#changed.set(stream, next);
    }
    return null;
  }

  #unplaced(): Unplaced {
    const { id, client, actor, time, meta } = this.#commit;
    return { position: null, commit: id, client, actor, time, meta, events: this.events };
  }
}
