/**
 * One subscriber or process manager in one log: the parts of an operator's actions that both share.
 *
 * Guarantees: those of subscribers.diverged.test.ts and processes.failures.test.ts.
 */
import { type Cursor, decodeCursor } from "../../core/history/record.ts";
import { DacapoError, DefinitionError, ValidationError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { requireText, requireTexts } from "../base/check-arguments.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { ModelStore } from "../stores/model-store.ts";
import { divergedError } from "./diverged-follower.ts";
import type { SkippedEvent } from "./place.ts";

/** The place after a reset. */
export type ResetOptions = {
  /** The place from which the subscriber continues. */
  readonly from: "beginning" | { readonly cursor: string };
  /** The agreement that handlers run again for events that they have handled before. */
  readonly effects: "repeat";
};

/** The operator's actions on one follower in one log. */
type OperatedFollower<Status, Parked> = {
  readonly status: () => Promise<Status>;
  readonly parked: () => Promise<readonly Parked[]>;
  readonly retry: (ids?: readonly string[]) => Promise<number>;
  readonly skip: (id: string, reason: string) => Promise<void>;
  readonly setPaused: (isPaused: boolean) => Promise<void>;
  readonly reset: (options: ResetOptions) => Promise<void>;
};

/** The operator's calls on all followers of one kind in one log. Each takes a handle or a name. */
export type OperatorCalls<Handle, Status, Parked> = {
  readonly list: () => Promise<readonly Status[]>;
  readonly parked: (handle: Handle) => Promise<readonly Parked[]>;
  readonly retry: (handle: Handle, ids?: readonly string[]) => Promise<number>;
  readonly skip: (handle: Handle, id: string, reason: string) => Promise<void>;
  readonly pause: (handle: Handle) => Promise<void>;
  readonly resume: (handle: Handle) => Promise<void>;
  readonly reset: (handle: Handle, options: ResetOptions) => Promise<void>;
};

/** The calls of an operator who knows only names. Subscribers and process managers have them. */
export type CallsByName = OperatorCalls<string, { readonly name: string }, object>;

const SKIPPED_MAX = 20;

const namesOf = (definitions: ReadonlyMap<string, unknown>): string => [...definitions.keys()].join(", ") || "none";

export function operatorCalls<Handle, Status, Parked>(
  names: readonly string[],
  one: (handle: Handle | string) => OperatedFollower<Status, Parked>,
): OperatorCalls<Handle | string, Status, Parked> {
  return {
    list: () => Promise.all(names.map((name) => one(name).status())),
    parked: async (handle) => one(handle).parked(),
    retry: async (handle, ids) => {
      requireTexts("Nothing was retried", "ids", ids);
      return one(handle).retry(ids);
    },
    skip: async (handle, id, reason) => {
      requireText("Nothing was skipped", "id", id);
      requireText("Nothing was skipped", "reason", reason);
      return one(handle).skip(id, reason);
    },
    pause: async (handle) => one(handle).setPaused(true),
    resume: async (handle) => one(handle).setPaused(false),
    reset: async (handle, options) => one(handle).reset(options),
  };
}

export class FollowerInLog<Definition extends { readonly name: string }> {
  readonly definition: Definition;
  readonly models: ModelStore;
  readonly log: LogName;
  readonly #store: EventStore;
  readonly #kind: "subscriber" | "process manager";

  constructor(
    kind: "subscriber" | "process manager",
    store: EventStore,
    log: LogName,
    definitions: ReadonlyMap<string, Definition>,
    name: string,
  ) {
    const definition = definitions.get(name);
    if (!definition || !store.models)
      throw new DefinitionError({
        message: `The server has no ${kind} ${name}`,
        fix: `Add it to the option \`subscribers\` of the server. Its ${kind}s: ${namesOf(definitions)}.`,
      });
    this.definition = definition;
    this.models = store.models;
    this.log = log;
    this.#store = store;
    this.#kind = kind;
  }

  /** True: the log was replaced, so that it does not contain the place. */
  async isDiverged(at: Cursor | null): Promise<boolean> {
    return at !== null && (await this.#read(at)).kind === "diverged";
  }

  /** Throws after a refused write if the log does not contain its place. The store would refuse each such write. */
  async requireInLog(at: Cursor | null): Promise<void> {
    if (!(await this.isDiverged(at))) return;
    const { name } = this.definition;
    const details = this.#kind === "subscriber" ? { subscriber: name } : { process: name };
    throw divergedError({ noun: this.#kind, name, details }, this.log);
  }

  /** The checked place of a reset. Null: the beginning. */
  async placeOf(options: ResetOptions): Promise<Cursor | null> {
    const untyped: { readonly from?: unknown; readonly effects?: unknown } | null = options;
    const { from, effects } = untyped ?? {};
    const text = typeof from === "object" && from !== null && "cursor" in from ? from.cursor : null;
    const cursor = typeof text === "string" ? decodeCursor(text) : null;
    if (effects !== "repeat" || (from !== "beginning" && !cursor))
      throw new ValidationError({
        message: `The ${this.#kind} ${this.definition.name} cannot be reset with these options`,
        fix: 'Pass { from: "beginning", effects: "repeat" }, or the cursor of an event as from: { cursor }.',
      });
    if (!cursor || (await this.#read(cursor)).kind === "page") return cursor;
    throw new DacapoError("diverged", "after-fix", {
      message: `The log ${this.log} does not contain the cursor \`from\``,
      fix: "Pass a cursor of this log.",
      details: { log: this.log },
    });
  }

  /** The error of an action in a log without records. */
  noRecords(): ValidationError {
    return new ValidationError({
      message: `The log ${this.log} has no records, so no ${this.#kind} has a place in it`,
      fix: "Check the name of the log.",
      details: { log: this.log },
    });
  }

  /** The error of `skip`. */
  notParked(id: string): ValidationError {
    return new ValidationError({
      message: `${id} is not parked for ${this.definition.name} in the log ${this.log}`,
      fix: "Read the ids with `parked`.",
      details: { id, log: this.log },
    });
  }

  #read(at: Cursor): ReturnType<EventStore["read"]> {
    return this.#store.read(this.log, at, { events: 1, bytes: 1 });
  }
}

/** The last skipped ones, with one more. */
export function withSkipped(skipped: readonly SkippedEvent[], one: SkippedEvent): readonly SkippedEvent[] {
  return [...skipped, one].slice(-SKIPPED_MAX);
}
