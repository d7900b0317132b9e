/**
 * The lines of a log, as they happen on this device.
 *
 * The app names row tables whose rows are keyed by the stream of an aggregate. The feed reads the history of each
 * stream whose row changed.
 */
import type { AnyAggregate, AnyProjection } from "dacapo";
import type { LogHandle, TypedRowEntry } from "dacapo/client";
import { inOrder, lineOf, type Lines, type LogEntry, withHistory, withRefusals } from "./lines.ts";
import { words } from "../words/language.ts";

export type FeedSource = { readonly projection: AnyProjection; readonly aggregate: AnyAggregate };
type FeedLog = Pick<LogHandle<unknown>, "client" | "user" | "rows" | "rowsAt" | "history" | "status" | "rejections">;
type Rows = readonly TypedRowEntry<unknown>[];

/** Streams that wait to be read. Of a change of more streams at once, the feed shows the last ones. */
const STREAMS_MAX = 40;
/** Events from before the feed began that it shows. */
const EARLIER = 8;

export class LogFeed {
  readonly #log: FeedLog;
  readonly #sources: readonly FeedSource[];
  readonly #listeners = new Set<() => void>();
  readonly #waiting = new Map<string, AnyAggregate>();
  /** Streams of which the feed shows all events. */
  readonly #whole = new Set<string>();
  #from = 0;
  #lines: Lines = new Map();
  #entries: readonly LogEntry[] = [];
  #isReading = false;
  #isPartial = false;

  constructor(log: FeedLog, sources: readonly FeedSource[]) {
    this.#log = log;
    this.#sources = sources;
  }

  /** The lines, the newest first. It is the same array until a line changes. */
  readonly entries = (): readonly LogEntry[] => this.#entries;

  /** True after a change of so many streams at once that some of its events have no line. */
  readonly isPartial = (): boolean => this.#isPartial;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Begins with the events from now on, and the work that is pending or refused. Returns a function that ends it. */
  start(): () => void {
    const { rejections, status } = this.#log;
    this.#from = status.get().position;
    const refuse = () =>
      this.#change(
        withRefusals(this.#lines, rejections.get(), {
          actor: this.#log.user,
          after: status.get().position,
          reason: ({ code, message }) => words.reason(code, message),
        }),
      );
    const ends = [rejections.subscribe(refuse), ...this.#sources.map((source) => this.#follow(source))];
    refuse();
    return () => {
      for (const end of ends) end();
    };
  }

  /** Adds lines for the last events from before the start, as far as this device has them. */
  async readEarlier(): Promise<void> {
    const [source] = this.#sources;
    if (!source) return;
    for (let position = this.#from; position > Math.max(0, this.#from - EARLIER); position--) {
      // A device may have only the end of a long log.
      const found = await this.#log.rowsAt(source.projection, { position }).catch(() => null);
      if (!found?.event) return;
      const { pending: _, ...event } = found.event;
      const state = event.client === this.#log.client ? "confirmed" : "arrived";
      this.#change(new Map(this.#lines).set(event.id, lineOf(event, state)));
    }
  }

  /** Adds lines for all events of a stream, also those from before the start. */
  readonly readStream = (stream: string): void => {
    const source = this.#sources.find(({ aggregate }) => stream.startsWith(`${aggregate.name}/`));
    if (!source) return;
    this.#whole.add(stream);
    this.#wait(stream, source.aggregate);
  };

  #follow({ projection, aggregate }: FeedSource): () => void {
    const rows = this.#log.rows(projection);
    let before = new Map(rows.all().map((entry) => [entry.key, entry]));
    const mark = (all: Rows) => {
      const now = new Map(all.map((entry) => [entry.key, entry]));
      for (const entry of all) if (before.get(entry.key) !== entry) this.#wait(entry.key, aggregate);
      for (const key of before.keys()) if (!now.has(key)) this.#wait(key, aggregate);
      before = now;
    };
    for (const { key, pending } of before.values()) if (pending) this.#wait(key, aggregate);
    return rows.subscribe(mark);
  }

  #wait(stream: string, aggregate: AnyAggregate): void {
    this.#waiting.delete(stream);
    this.#waiting.set(stream, aggregate);
    if (this.#waiting.size > STREAMS_MAX) {
      // A stream with pending lines stays, because its lines must not stay pending.
      const shown = new Set(this.#entries.filter(({ state }) => state === "pending").map(({ stream: of }) => of));
      const [oldest] = [...this.#waiting.keys()].filter((waiting) => !shown.has(waiting));
      if (oldest !== undefined) this.#isPartial = this.#waiting.delete(oldest);
    }
    void this.#read();
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    try {
      for (let next = this.#next(); next; next = this.#next()) {
        const [stream, aggregate] = next;
        const events = await this.#log.history(aggregate, stream.slice(stream.indexOf("/") + 1));
        const from = this.#whole.has(stream) ? 0 : this.#from;
        this.#change(withHistory(this.#lines, stream, events, { client: this.#log.client, from }));
      }
    } catch {
      // The log was closed, or this code cannot read the stream. The board itself says so.
    } finally {
      this.#isReading = false;
    }
  }

  #next(): readonly [string, AnyAggregate] | undefined {
    const [next] = this.#waiting;
    if (next) this.#waiting.delete(next[0]);
    return next;
  }

  #change(lines: Lines): void {
    this.#entries = inOrder(lines.values());
    this.#lines = new Map(this.#entries.map((line) => [line.id, line]));
    for (const listener of this.#listeners) listener();
  }
}
