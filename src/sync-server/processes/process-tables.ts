/**
 * Reads the tables of a process manager in a log, and composes the rows of its writes.
 *
 * Guarantees: what it reads may be of a later revision. Then the write that names the former revision is refused (M1).
 */
import type { LogName } from "../../core/values/ids.ts";
import { type Json, parseOwnJson } from "../../core/values/json.ts";
import { ROWS, STATES } from "../read-models/read-model.ts";
import type { ModelStore, RowChange } from "../stores/model-store.ts";
import { ALL_ROWS, readKeys, readPages, type RowTexts } from "../stores/read-keys.ts";
import { keyOf } from "../subscribers/lanes.ts";
import { dueKey, type Outbox, type OutboxChanges, outboxText, readDueKey, timeKey } from "./outbox.ts";
import { WAITING } from "../subscribers/subscriber.ts";
import { DUE, OUTBOX } from "./process-place.ts";
import type { WaitingEvent } from "./react.ts";

export class ProcessTables {
  readonly #models: ModelStore;
  readonly #log: LogName;
  readonly #follower: string;
  readonly #few: boolean;

  /** `few`: the reads of several keys throw TooManyRows if the rows are more than a page. */
  constructor(models: ModelStore, log: LogName, follower: string, few = false) {
    this.#models = models;
    this.#log = log;
    this.#follower = follower;
    this.#few = few;
  }

  states(streams: readonly string[]): Promise<RowTexts> {
    return this.#texts(STATES, streams);
  }

  rows(keys: readonly string[]): Promise<RowTexts> {
    return this.#texts(ROWS, keys);
  }

  async outboxes(keys: readonly string[]): Promise<ReadonlyMap<string, Outbox>> {
    const texts = await this.#texts(OUTBOX, keys);
    return new Map([...texts].flatMap(([key, text]) => (text ? [[key, parseOwnJson<Outbox>(text)] as const] : [])));
  }

  /** All waiting events, in the order of the log. */
  async waiting(): Promise<readonly WaitingEvent[]> {
    const events: WaitingEvent[] = [];
    for await (const [, text] of this.#all(WAITING)) events.push(parseOwnJson<WaitingEvent>(text));
    return events;
  }

  /** All outboxes, in the order of their keys. It reads `rows` of them at once. */
  async *allOutboxes(
    after: string | null,
    rows: number = ALL_ROWS.limit,
  ): AsyncGenerator<readonly [process: string, outbox: Outbox]> {
    for await (const [process, text] of this.#all(OUTBOX, after, rows)) yield [process, parseOwnJson<Outbox>(text)];
  }

  /** The processes with a command that is due. */
  async due(now: number, limit: number): Promise<readonly string[]> {
    const range = { ...ALL_ROWS, to: timeKey(Math.floor(now) + 1), limit };
    const page = await this.#models.rows(this.#log, this.#follower, DUE, range);
    return (page?.rows ?? []).map(([key]) => readDueKey(key).process);
  }

  /** The least time in the index after a write changed these outboxes. Null: there is none. */
  async dueAtAfter(changes: OutboxChanges): Promise<number | null> {
    const { set, remove } = dueChange(changes);
    const range = { ...ALL_ROWS, limit: remove.length + 1 };
    const page = await this.#models.rows(this.#log, this.#follower, DUE, range);
    const removed = new Set(remove);
    const keys = [...(page?.rows ?? []).map(([key]) => key).filter((key) => !removed.has(key)), ...set];
    const first = keys.reduce<string | null>((least, key) => (least === null || key < least ? key : least), null);
    return first === null ? null : readDueKey(first).at;
  }

  async *#all(
    table: string,
    start: string | null = null,
    limit: number = ALL_ROWS.limit,
  ): AsyncGenerator<readonly [key: string, text: string]> {
    const range = { ...ALL_ROWS, after: start, limit };
    for await (const page of readPages(this.#models, this.#log, this.#follower, table, range))
      for (const [key, text] of page?.rows ?? []) if (text !== null) yield [key, text];
  }

  #texts(table: string, keys: readonly string[]): Promise<RowTexts> {
    return readKeys(this.#models, this.#log, this.#follower, table, keys, this.#few);
  }
}

/** The rows of a write that changes these outboxes. */
export function outboxRows(follower: string, changes: OutboxChanges): readonly RowChange[] {
  const set: [string, string][] = [];
  const remove: string[] = [];
  for (const [key, { before, after }] of changes) {
    if (after.length > 0) set.push([key, outboxText(after)]);
    else if (before.length > 0) remove.push(key);
  }
  const due = dueChange(changes);
  return [
    { follower, table: OUTBOX, set, remove },
    { follower, table: DUE, set: due.set.map((key) => [key, "0"] as const), remove: due.remove },
  ];
}

/** The rows of a write that changes these waiting events. */
export function waitingRows(
  follower: string,
  set: readonly WaitingEvent[],
  removed: readonly WaitingEvent[],
): RowChange {
  const texts = set.map((event) => [keyOf(event.position), JSON.stringify(event)] as const);
  const isSet = new Set(set.map(({ position }) => position));
  const remove = removed.filter(({ position }) => !isSet.has(position)).map(({ position }) => keyOf(position));
  return { follower, table: WAITING, set: texts, remove };
}

/** The rows of a write that changes the rows of processes. */
export function processRows(follower: string, rows: ReadonlyMap<string, Json>): RowChange {
  const set: [string, string][] = [];
  const remove: string[] = [];
  for (const [key, row] of rows) {
    if (row === null) remove.push(key);
    else set.push([key, JSON.stringify(row)]);
  }
  return { follower, table: ROWS, set, remove };
}

function dueChange(changes: OutboxChanges): { readonly set: readonly string[]; readonly remove: readonly string[] } {
  const set: string[] = [];
  const remove: string[] = [];
  for (const [process, { before, after }] of changes) {
    const [old, next] = [dueKey(before, process), dueKey(after, process)];
    if (old === next) continue;
    if (old !== null) remove.push(old);
    if (next !== null) set.push(next);
  }
  return { set, remove };
}
