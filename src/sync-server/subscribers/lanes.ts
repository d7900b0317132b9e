/**
 * Decides which events of a log a subscriber handles next: one lane for each stream. Pure.
 *
 *     page of events ── admit ──> open ── start ──> running ── succeed ──> done
 *     waiting rows ──── load ──┘    ^                  ├─ fail ──> retry later, or parked
 *                                   │                  └─ leave ──> wait for newer code, or parked
 *                                   └──────────────────────────────┘
 *
 * Guarantees (lanes.test.ts):
 * - The events of a stream start in order, and one at a time.
 * - An event leaves its lane only when it was handled, or when an operator skipped it.
 * - The next event of ten thousand streams costs about as much as the one of ten.
 * - An event that this code does not know counts no attempt. Newer code starts it, also if it is parked.
 * - `changes` names all rows that differ from the stored ones. So a crash loses no event.
 */
import type { CommitRecord, RecordEvent } from "../../core/history/record.ts";
import { eventId } from "../../core/values/id.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import { aggregateOf } from "../../core/values/names.ts";
import { SortedList } from "./sorted-list.ts";
import { StartOrder } from "./start-order.ts";

/** An event that a subscriber has not handled. Its row in the store has this form as JSON. */
export type OpenEvent = {
  /** The id of the stored event. */
  readonly event: string;
  readonly type: string;
  readonly stream: string;
  /** The place in its stream. */
  readonly version: number;
  /** The place in the log. */
  readonly position: number;
  /** The attempts that failed. */
  readonly failures: number;
  /** It does not start before this time, in milliseconds since the epoch. */
  readonly notBefore: number;
  /** The reason of the last failure. Null: no attempt failed. */
  readonly error: string | null;
  /** True: no attempt follows until an operator requests one. */
  readonly isParked: boolean;
  /** The `v` of an event that the last node did not know. Undefined: no node met it, or the last one knew it. */
  readonly unknownV?: number;
};

/** The part of an event that shows whether a release knows it. */
export type UnknownEvent = Pick<RecordEvent, "stream" | "type" | "v">;

/** The chosen events of a record, before the first attempt. */
export function untriedEvents(record: CommitRecord, isChosen: (n: number) => boolean): readonly OpenEvent[] {
  const fresh = { failures: 0, notBefore: 0, error: null, isParked: false };
  return record.events.flatMap(({ type, stream, version }, n) => {
    const event = { event: eventId(record.commit, n), type, stream, version, position: record.position + n, ...fresh };
    return isChosen(n) ? [event] : [];
  });
}

export type LanePolicy = {
  /** Failed attempts after which an event is parked. */
  readonly attempts: number;
  /** `stop`: a parked event stops the whole log. */
  readonly afterRetries: "park" | "stop";
  /** `hold`: a parked event stops its stream. */
  readonly afterPark: "hold" | "continue";
};

export type LaneChanges = {
  readonly set: readonly (readonly [key: string, text: string])[];
  readonly remove: readonly string[];
};

const POSITION_DIGITS = 16;

/** The key of an event's row. Keys have the order of the log. */
export function keyOf(position: number): string {
  return String(position).padStart(POSITION_DIGITS, "0");
}

export class Lanes {
  readonly #policy: LanePolicy;
  readonly #open = new Map<number, OpenEvent>();
  /** The open events of each stream, in the order of the log. With `continue`, parked ones have left their lane. */
  readonly #lanes = new Map<string, SortedList<OpenEvent>>();
  readonly #order = new StartOrder<OpenEvent>();
  /** The streams whose handler runs. */
  readonly #running = new Set<string>();
  /** The texts of the rows in the store. */
  readonly #stored = new Map<number, string>();
  /** Positions whose rows may differ from the stored ones. */
  readonly #dirty = new Set<number>();
  /** The events that the last node did not know, by position. */
  readonly #unknown = new Map<number, UnknownEvent>();
  #parkedCount = 0;

  constructor(policy: LanePolicy) {
    this.#policy = policy;
  }

  /** The events that are not handled. */
  get count(): number {
    return this.#open.size;
  }

  get parkedCount(): number {
    return this.#parkedCount;
  }

  get runningCount(): number {
    return this.#running.size;
  }

  /** True: a parked event stops the log. */
  get isStopped(): boolean {
    return this.#policy.afterRetries === "stop" && this.#parkedCount > 0;
  }

  /** The events that the last node did not know: one of each type. */
  get unknown(): readonly UnknownEvent[] {
    const all = [...this.#unknown.values()];
    return [...new Map(all.map((one) => [`${aggregateOf(one.stream)} ${one.type} ${one.v}`, one])).values()];
  }

  get hasChanges(): boolean {
    return this.#dirty.size > 0;
  }

  /** Adds an event of the log. Call it in the order of the log. */
  admit(event: OpenEvent): void {
    this.#insert(event);
    this.#dirty.add(event.position);
  }

  /**
   * Takes over the rows of the store: at the start, and after an operator changed them. Own changes that are not stored
   * yet stay, except for rows that were removed.
   */
  load(rows: readonly (readonly [key: string, text: string | null])[]): void {
    const found = new Map(rows.map(([key, text]) => [Number(key), text]));
    for (const position of this.#stored.keys()) if (!found.has(position)) this.#forget(position);
    for (const [position, text] of found) {
      if (text === null || this.#stored.get(position) === text) continue;
      const isNew = !this.#stored.has(position);
      this.#stored.set(position, text);
      // An own change of the same row is newer, such as the result of its handler.
      if (this.#dirty.has(position)) continue;
      if (!isNew) this.#remove(position);
      this.#insert(parseOwnJson<OpenEvent>(text));
    }
  }

  /** The next event to start. It is the first of its stream, and its time has come. Null: there is none now. */
  next(now: number): OpenEvent | null {
    return this.isStopped ? null : this.#order.next(now);
  }

  /** The time at which an event can start. A time in the past means now. Infinity: there is none. */
  nextAt(): number {
    return this.isStopped ? Infinity : this.#order.nextAt();
  }

  start({ stream }: OpenEvent): void {
    this.#running.add(stream);
    this.#setHead(stream);
  }

  /** The event was handled. */
  succeed({ stream, position }: OpenEvent): void {
    this.#end(stream);
    if (this.#remove(position)) this.#dirty.add(position);
  }

  /** The handler failed. Returns true if the event is parked now. */
  fail(event: OpenEvent, error: string, retryAt: number): boolean {
    this.#end(event.stream);
    if (!this.#remove(event.position)) return false;
    const failures = event.failures + 1;
    const isParked = failures >= this.#policy.attempts;
    this.#insert({ ...event, failures, error, isParked, notBefore: retryAt });
    this.#dirty.add(event.position);
    return isParked;
  }

  /** This code does not know the event. It waits for newer code, and after its wait it is parked. Returns true then. */
  leave(event: OpenEvent, unknownV: number, error: string, waitsUntil: number): boolean {
    this.#end(event.stream);
    if (!this.#remove(event.position)) return false;
    const isParked = event.unknownV !== undefined;
    this.#insert({ ...event, error, isParked, notBefore: waitsUntil, unknownV });
    this.#dirty.add(event.position);
    return isParked;
  }

  /** Lets events start that another node did not know, if this code knows them. */
  retryUnknown(isKnown: (event: UnknownEvent) => boolean): void {
    for (const [position, unknown] of this.#unknown) {
      const event = this.#open.get(position);
      if (!event || !isKnown(unknown)) continue;
      const { unknownV: _, ...known } = event;
      this.#remove(position);
      this.#insert({ ...known, isParked: false, notBefore: 0 });
      this.#dirty.add(position);
    }
  }

  /** The handler was cut off. The event starts again, as if this attempt had not begun. */
  giveUp({ stream }: OpenEvent): void {
    this.#end(stream);
  }

  /** The rows that differ from the stored ones. */
  changes(): LaneChanges {
    const set: [string, string][] = [];
    const remove: string[] = [];
    for (const position of [...this.#dirty].sort((left, right) => left - right)) {
      const event = this.#open.get(position);
      if (event) set.push([keyOf(position), JSON.stringify(event)]);
      else if (this.#stored.has(position)) remove.push(keyOf(position));
    }
    return { set, remove };
  }

  /** The store has these changes. Changes that were made meanwhile stay. */
  wrote({ set, remove }: LaneChanges): void {
    for (const [key, text] of set) this.#stored.set(Number(key), text);
    for (const key of remove) this.#stored.delete(Number(key));
    for (const position of this.#dirty) {
      const event = this.#open.get(position);
      if (this.#stored.get(position) === (event && JSON.stringify(event))) this.#dirty.delete(position);
    }
  }

  /** The handler of a stream ended. */
  #end(stream: string): void {
    this.#running.delete(stream);
    this.#setHead(stream);
  }

  /** Sets the event of a stream that may start, whatever its time. */
  #setHead(stream: string): void {
    const first = this.#running.has(stream) ? undefined : this.#lanes.get(stream)?.first;
    this.#order.set(stream, first?.isParked ? undefined : first);
  }

  #insert(event: OpenEvent): void {
    const { stream, type, position, isParked, unknownV: v } = event;
    this.#open.set(position, event);
    if (v !== undefined) this.#unknown.set(position, { stream, type, v });
    if (isParked) this.#parkedCount++;
    if (isParked && this.#policy.afterPark === "continue") return;
    const lane = this.#lanes.get(stream) ?? new SortedList(byPosition);
    lane.add(event);
    this.#lanes.set(stream, lane);
    this.#setHead(stream);
  }

  /** Returns false if an operator skipped the event meanwhile. */
  #remove(position: number): boolean {
    const event = this.#open.get(position);
    if (!event) return false;
    this.#open.delete(position);
    this.#unknown.delete(position);
    if (event.isParked) this.#parkedCount--;
    const lane = this.#lanes.get(event.stream);
    lane?.remove(event);
    if (!lane?.first) this.#lanes.delete(event.stream);
    this.#setHead(event.stream);
    return true;
  }

  /** An operator skipped the event. */
  #forget(position: number): void {
    this.#stored.delete(position);
    this.#dirty.delete(position);
    this.#remove(position);
  }
}

function byPosition(left: OpenEvent, right: OpenEvent): number {
  return left.position - right.position;
}
