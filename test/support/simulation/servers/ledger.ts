/**
 * The ledger keeps the facts of a log's records for the checks. It reads each record once, because a world checks the
 * log after each step.
 *
 * Guarantees:
 * - The server decided each commit on the state of its stream.
 * - A subscriber's command is recorded once for each event.
 */
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { OpenEvents } from "./open-events.ts";

export type Data = {
  readonly by: number;
  readonly seen: number;
  readonly fold: number;
  readonly to: string;
  readonly event: string;
  readonly ms: number;
  readonly refuses: boolean;
  readonly isPoison: boolean;
  readonly reminders: readonly number[];
  readonly n: number;
};

/** An event of a job. */
export type JobEvent = {
  readonly type: string;
  readonly position: number;
  readonly received: number;
  readonly commit: string;
  readonly data: Partial<Data>;
};

export class Ledger {
  readonly #log: string;
  readonly #records: () => readonly PlainRecord[];
  readonly #problems: string[] = [];
  readonly #sums = new Map<string, number>();
  readonly #notes = new Map<string, number>();
  readonly #commits = new Map<string, number[]>();
  readonly #ends = new Map<string, { readonly count: number; readonly position: number }>();
  readonly #jobs = new Map<string, JobEvent[]>();
  readonly #counted = new OpenEvents();
  readonly #streams = new Map<string, OpenEvents>();
  #read = 0;

  /** `records`: the records of now. They only grow. */
  constructor(log: string, records: () => readonly PlainRecord[]) {
    this.#log = log;
    this.#records = records;
  }

  /** Wrong decisions, and commands that are recorded twice. */
  get problems(): readonly string[] {
    return this.#now().#problems;
  }

  /** All events that the subscriber must handle, in the order of the log. */
  get counted(): OpenEvents {
    return this.#now().#counted;
  }

  /** The events of each job, by stream. */
  get jobs(): ReadonlyMap<string, readonly JobEvent[]> {
    return this.#now().#jobs;
  }

  /** The events of one stream that the subscriber must handle. */
  countedOf(stream: string): OpenEvents {
    return this.#now().#streams.get(stream) ?? new OpenEvents();
  }

  /** The number of records that a subscriber made for an event. */
  notesOf(event: string): number {
    return this.#now().#notes.get(event) ?? 0;
  }

  /** The number of events of each record with this commit. */
  recordsOf(commit: string): readonly number[] {
    return this.#now().#commits.get(commit) ?? [];
  }

  /** The number of records up to a cursor. Null: no record ends there. */
  endOf(at: { readonly mark: string; readonly position: number } | null): number | null {
    if (at === null) return 0;
    const end = this.#now().#ends.get(at.mark);
    return end?.position === at.position ? end.count : null;
  }

  /** Reads the records that came since the last call. */
  #now(): this {
    const records = this.#records();
    for (let record = records[this.#read]; record; record = records[++this.#read]) this.#add(record);
    return this;
  }

  #add(record: PlainRecord): void {
    const { commit, mark, position, events } = record;
    this.#ends.set(mark, { count: this.#read + 1, position: position + events.length - 1 });
    add(this.#commits, commit, events.length);
    const before = new Map(this.#sums);
    for (const [n, event] of events.entries()) {
      const { type, stream } = event;
      const data = dataOf(event.data);
      if (type === "Counted" || type === "Padded") this.#decided(position, stream, data, before.get(stream) ?? 0);
      if (type === "Counted")
        this.#toHandle({ id: `${commit}:${n}`, stream, version: event.version, position: position + n });
      if (type === "Noted") this.#noted(data);
      if (stream.startsWith("job/"))
        add(this.#jobs, stream, { type, position: position + n, received: record.received, commit, data });
    }
  }

  #decided(position: number, stream: string, { by = 0, seen, fold = 1 }: Partial<Data>, sum: number): void {
    if (seen !== sum * fold)
      this.#problems.push(`the record at ${position} was decided on ${seen} of ${stream}, not on ${sum} × ${fold}`);
    this.#sums.set(stream, (this.#sums.get(stream) ?? 0) + by);
  }

  #toHandle(event: Parameters<OpenEvents["add"]>[0]): void {
    this.#counted.add(event);
    const ofStream = this.#streams.get(event.stream) ?? new OpenEvents();
    ofStream.add(event);
    this.#streams.set(event.stream, ofStream);
  }

  #noted({ event = "" }: Partial<Data>): void {
    const count = (this.#notes.get(event) ?? 0) + 1;
    this.#notes.set(event, count);
    if (count > 1) this.#problems.push(`${this.#log} has ${count} notes of the event ${event}`);
  }
}

function add<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

function dataOf(data: unknown): Partial<Data> {
  return typeof data === "object" && data !== null ? data : {};
}
