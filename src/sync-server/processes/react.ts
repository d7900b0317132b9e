/**
 * Folds events into the rows of processes, and collects the commands that follow. Pure.
 *
 *     waiting events ─┐
 *                     ├─ accept ──> row, outbox of each process │ waiting, parked or behind a parked event
 *     page of events ─┘
 *
 * Guarantees (processes.model.test.ts, processes.failures.test.ts):
 * - The events of a process are folded in the order of the log. Events behind a parked one wait.
 * - An event changes all its processes, or none. If a handler throws, the event is parked with the reason.
 * - A fold that does not react changes no outbox.
 */
import type { DomainEvent } from "../../core/domain/event.ts";
import type { FoldStep } from "../../core/fold/fold.ts";
import type { CommitRecord } from "../../core/history/record.ts";
import { eventId } from "../../core/values/id.ts";
import { deepFreeze, type Json, parseOwnJson } from "../../core/values/json.ts";
import { aggregateOf } from "../../core/values/names.ts";
import { reasonOf, shortText } from "../../core/values/reason.ts";
import type { ParkedPlace } from "../base/parked-error.ts";
import type { FoldedStates, StoredTexts } from "../read-models/fold-page.ts";
import type { Outbox, OutboxChange, OutboxChanges, OutboxItem } from "./outbox.ts";
import { NO_VERBS, type ProcessDefinition } from "./process-manager.ts";
import { CollectedOutbox, requireRow } from "./verbs.ts";

/** A stored event, with the events that this code reads it as and the states around them. */
export type ProcessEvent = EventPlace & {
  readonly steps: readonly FoldStep[];
  /** The reason why this code cannot fold the event into its stream. Null: it can. */
  readonly unreadable: string | null;
};

type EventPlace = {
  /** The id of the stored event. */
  readonly event: string;
  readonly type: string;
  readonly stream: string;
  readonly version: number;
  readonly position: number;
  /** Milliseconds since the epoch at which the server received it. */
  readonly received: number;
};

/** An event that its processes have not folded. Its row in the store has this form as JSON. */
export type WaitingEvent = EventPlace & {
  /** True: it failed, and waits for an operator. False: it waits behind a parked event, or for its turn. */
  readonly isParked: boolean;
  /** The reason of the last failure. Null: it has not failed. */
  readonly reason: string | null;
  /** False: older code reacted to it. So its fold sends no command. */
  readonly reacts: boolean;
  /** The processes, or the stream, whose later events wait for this one. */
  readonly lanes: readonly string[];
};

/** The changed texts of a reaction. A null row is removed. */
export type Reacted = {
  readonly rows: ReadonlyMap<string, Json>;
  readonly outboxes: OutboxChanges;
  readonly waiting: readonly WaitingEvent[];
  /** Events that waited and are folded now. */
  readonly folded: readonly WaitingEvent[];
  /** The events that are parked now, and the first error of a handler. */
  readonly parked: readonly ParkedPlace[];
  readonly cause: unknown;
};

export type StoredProcesses = {
  /** The texts of the rows that the events may touch. */
  readonly rows: StoredTexts;
  /** The outboxes that the events may touch. */
  readonly outboxes: ReadonlyMap<string, Outbox>;
};

const NONE: Outbox = [];

/** The events of records that a process manager folds, with the steps of their fold. */
export function processEvents(
  { projection, sinceMs }: ProcessDefinition,
  records: readonly CommitRecord[],
  { steps, parked }: Pick<FoldedStates, "steps" | "parked">,
): readonly ProcessEvent[] {
  const stepsAt = Map.groupBy(steps, ({ event }) => event.position ?? 0);
  const unreadableAt = new Map(parked.map(({ position, reason }) => [position, reason]));
  return records.flatMap((record) =>
    record.events.flatMap(({ type, stream, version }, n) => {
      if (!projection.from.has(aggregateOf(stream)) || record.received < sinceMs) return [];
      const position = record.position + n;
      const unreadable = unreadableAt.get(position) ?? null;
      const handled = (stepsAt.get(position) ?? []).filter(({ event }) =>
        projection.handles(event.aggregate, event.type),
      );
      if (unreadable === null && handled.length === 0) return [];
      const place = { event: eventId(record.commit, n), type, stream, version, position, received: record.received };
      return [{ ...place, steps: handled, unreadable }];
    }),
  );
}

export class Reaction {
  readonly #manager: ProcessDefinition;
  readonly #stored: StoredProcesses;
  readonly #blocked = new Set<string>();
  readonly #rows = new Map<string, Json>();
  readonly #outboxes = new Map<string, OutboxChange>();
  readonly #waiting: WaitingEvent[] = [];
  readonly #folded: WaitingEvent[] = [];
  readonly #parked: ParkedPlace[] = [];
  #cause: unknown;

  constructor(manager: ProcessDefinition, stored: StoredProcesses) {
    this.#manager = manager;
    this.#stored = stored;
  }

  /** Later events of these lanes wait. */
  block({ lanes }: Pick<WaitingEvent, "lanes">): void {
    for (const lane of lanes) this.#blocked.add(lane);
  }

  /** Lets an event wait as it waits for other code, so that this code folds it after the same decision. */
  leave(event: ProcessEvent, waiting: WaitingEvent): void {
    const keys = this.#keysOf(event);
    const lanes = typeof keys === "string" ? [streamLane(event)] : keys.map(processLane);
    const all = { ...waiting, lanes: [...new Set([...waiting.lanes, ...lanes])] };
    this.block(all);
    this.#waiting.push(all);
  }

  /** Folds an event into its processes, or lets it wait. `waited`: the row of an event that waited until now. */
  accept(event: ProcessEvent, reacts: boolean, waited: WaitingEvent | null = null): void {
    const keys = this.#keysOf(event);
    const ofStream = streamLane(event);
    if (typeof keys === "string") return this.#wait(event, reacts, [ofStream], keys);
    const lanes = keys.map(processLane);
    if (keys.length > 0) {
      const isBehindStream = this.#blocked.has(ofStream);
      if (isBehindStream || lanes.some((lane) => this.#blocked.has(lane)))
        return this.#wait(event, reacts, isBehindStream ? [...lanes, ofStream] : lanes, null);
      try {
        this.#fold(event, reacts);
      } catch (error) {
        this.#cause ??= error;
        return this.#wait(event, reacts, lanes, reasonOf(error));
      }
    }
    if (waited) this.#folded.push(waited);
  }

  result(): Reacted {
    return {
      rows: this.#rows,
      outboxes: this.#outboxes,
      waiting: this.#waiting,
      folded: this.#folded,
      parked: this.#parked,
      cause: this.#cause,
    };
  }

  /** The keys of the event's processes, or the reason why this code knows none. */
  #keysOf({ steps, unreadable }: ProcessEvent): readonly string[] | string {
    if (unreadable !== null) return unreadable;
    try {
      return this.#keys(steps);
    } catch (error) {
      return reasonOf(error);
    }
  }

  #keys(steps: readonly FoldStep[]): readonly string[] {
    const { projection } = this.#manager;
    return [...new Set(steps.flatMap(({ event, before, after }) => projection.keys(event, before, after)))];
  }

  #fold({ steps, received }: ProcessEvent, reacts: boolean): void {
    const { projection, react } = this.#manager;
    const touched = new Map<string, { row: Json; collected: CollectedOutbox }>();
    for (const { event, before, after } of steps) {
      for (const key of projection.keys(event, before, after)) {
        const { row, collected } = touched.get(key) ?? {
          row: this.#row(key),
          collected: new CollectedOutbox(this.#outbox(key)),
        };
        const verbs = reacts ? collected.verbs({ id: event.id, at: received, causedBy: causeOf(event) }) : NO_VERBS;
        const next = react(deepFreeze(row ?? projection.initial), { ...event, key, before, after }, verbs);
        if (next === null) collected.end(event.id, reacts);
        requireRow(key, next);
        touched.set(key, { row: next, collected });
      }
    }
    const next = [...touched].map(([key, { row, collected }]) => ({ key, row, outbox: collected.checked(key) }));
    // Written after every key was folded, because an event is folded whole or parked whole.
    for (const { key, row, outbox } of next) {
      this.#rows.set(key, row);
      if (reacts && outbox !== this.#outbox(key))
        this.#outboxes.set(key, { before: this.#stored.outboxes.get(key) ?? [], after: outbox });
    }
  }

  #row(key: string): Json {
    const changed = this.#rows.get(key);
    if (changed !== undefined) return changed;
    const text = this.#stored.rows.get(key);
    return typeof text === "string" ? parseOwnJson<Json>(text) : null;
  }

  #outbox(key: string): Outbox {
    return this.#outboxes.get(key)?.after ?? this.#stored.outboxes.get(key) ?? NONE;
  }

  /** Without a reason, the event waits behind another one. */
  #wait(
    { event, type, stream, version, position, received }: ProcessEvent,
    reacts: boolean,
    lanes: readonly string[],
    reason: string | null,
  ): void {
    const isBehind = lanes.some((lane) => this.#blocked.has(lane));
    const isParked = reason !== null && !isBehind;
    const place = { event, type, stream, version, position, received };
    const waiting = { ...place, isParked, reason: reason && shortText(reason, 500), reacts, lanes };
    if (isParked) this.#parked.push({ ...place, reason });
    this.block(waiting);
    this.#waiting.push(waiting);
  }
}

function causeOf({ id, correlation }: DomainEvent): OutboxItem["causedBy"] {
  return { id, correlation };
}

/** The events that can be folded now, in the order of the log: no parked event is before them in their lanes. */
export function runnable(waiting: readonly WaitingEvent[], max: number): readonly WaitingEvent[] {
  const blocked = new Set<string>();
  const found: WaitingEvent[] = [];
  for (const event of waiting) {
    if (found.length === max) break;
    if (event.isParked || event.lanes.some((lane) => blocked.has(lane)))
      for (const lane of event.lanes) blocked.add(lane);
    else found.push(event);
  }
  return found;
}

/** True if the event waits because this code could not read it, and not because a handler threw. */
export function isUnreadable({ isParked, lanes, stream }: WaitingEvent): boolean {
  return isParked && lanes.includes(streamLane({ stream }));
}

function streamLane({ stream }: Pick<EventPlace, "stream">): string {
  return `stream ${stream}`;
}

function processLane(key: string): string {
  return `process ${key}`;
}
