/**
 * The streams of one commit while its commands are decided in turn.
 *
 * Guarantees:
 * - Each command sees the events of the commands before it (test/unit/core/decide/reconcile-commit.test.ts).
 * - Nothing leaves a commit that is rejected: one call of `reconcileCommit` makes and drops these streams
 *   (test/unit/core/decide/reconcile-commit.test.ts).
 */
import type { Commit } from "../history/commit.ts";
import { failed, type Defect } from "./decide-command.ts";
import type { DomainDefinition } from "../domain/definition.ts";
import type { DomainEvent, Draft } from "../domain/event.ts";
import { type FoldStep, foldStream, type StreamState } from "../fold/fold.ts";
import { deepFreeze, type Json } from "../values/json.ts";
import { type AnyRecord, type RecordEvent, pendingRecord } from "../history/record.ts";
import { aggregateOf } from "../values/names.ts";
import type { StreamName } from "../values/ids.ts";

/** The part of a stream that a commit may need. */
export type StreamWindow = {
  readonly current: StreamState;
  /** At most the lowest version that the commit has seen. */
  readonly from: number;
  /** Events after version `from`, in order: at least the latest ones of other authors. */
  readonly since: readonly DomainEvent[];
  /**
   * The stream as the author saw it: at `seen`, plus the author's own later events. Null if that history is too long
   * to read, and on the author's own device, because the commit contains the events that the device decided.
   */
  readonly authored: ((seen: number) => StreamState) | null;
};

export class CommitStreams {
  readonly events: RecordEvent[] = [];
  readonly steps: FoldStep[] = [];
  readonly #domain: DomainDefinition;
  readonly #window: (stream: StreamName) => StreamWindow;
  readonly #changed = new Map<string, StreamState>();
  /** The stream that was read last, because a command reads its own stream several times. */
  #last: { readonly stream: StreamName; readonly state: StreamState } | null = null;
  readonly #record: AnyRecord;

  /** @param position the position of the commit's first event. Null: a device does not know it. */
  constructor(
    domain: DomainDefinition,
    commit: Commit,
    window: (stream: StreamName) => StreamWindow,
    position: number | null,
  ) {
    this.#domain = domain;
    this.#window = window;
    this.#record = { ...pendingRecord(commit, this.events), position };
  }

  /** The streams that the events changed, with their states after them. */
  get changed(): ReadonlyMap<string, StreamState> {
    return this.#changed;
  }

  stateOf(stream: StreamName): Json {
    return this.current(stream).state;
  }

  current(stream: StreamName): StreamState {
    if (this.#last?.stream === stream) return this.#last.state;
    const state = this.#changed.get(stream) ?? this.#window(stream).current;
    this.#last = { stream, state };
    return state;
  }

  /** The stream as the author saw it, plus the events of the commit's earlier commands. */
  authored(stream: StreamName, seen: number): StreamState | null {
    const { authored } = this.#window(stream);
    if (!authored) return null;
    let at = authored(seen);
    for (const [n, event] of this.events.entries()) {
      if (event.stream !== stream) continue;
      const folded = this.#fold(at, n);
      if ("defect" in folded) return null;
      at = folded.next;
    }
    return at;
  }

  /** Appends the drafts of a command to their stream. Returns a defect if a draft cannot be folded. */
  add(stream: StreamName, drafts: readonly Draft[]): Defect | null {
    const definitions = this.#domain.aggregates.get(aggregateOf(stream))?.events;
    for (const { type, data } of drafts) {
      const at = this.current(stream);
      this.events.push({ type, v: definitions?.get(type)?.version ?? 1, stream, version: at.version + 1, data });
      const folded = this.#fold(at, this.events.length - 1);
      if ("defect" in folded) return unfoldable(type, stream, folded.defect.message);
      const { next, steps } = folded;
      if (next.unreadable) return unfoldable(type, stream, next.unreadable.reason);
      for (const step of steps) this.steps.push(step);
      this.#changed.set(stream, next);
      this.#last = { stream, state: next };
    }
    return null;
  }

  // Freezes each state before the next event, because an `evolve` that changes its state in place must fail on its
  // author's own device.
  #fold(at: StreamState, n: number): ReturnType<typeof foldStream> | { readonly defect: Defect } {
    // An app's `evolve` made the state. It may be a value that cannot be frozen, such as a typed array.
    try {
      deepFreeze(at.state);
    } catch (error) {
      return failed(error);
    }
    return foldStream(this.#domain, at, this.#record, n);
  }
}

function unfoldable(type: string, stream: StreamName, reason: string): Defect {
  const message = `Event ${type} of ${stream} cannot be folded: ${reason}`;
  return { kind: "failed", code: "event-unfoldable", message };
}
