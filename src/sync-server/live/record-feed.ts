/**
 * The feed of new records of one log: appends of this node come from the writer, appends of other nodes from the store.
 *
 * Guarantees:
 * - The feed delivers appends in the order of the log, also when two nodes append in turn.
 * - The feed delivers an append of this node without a read of the store, if it follows the feed's head.
 * - A failed poll loses nothing, because the next poll reads the same records.
 */
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { Env } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { EventStore, ReadLimit, ReadResult } from "../stores/event-store.ts";
import type { Appended } from "../writer/admit-push.ts";
import type { LogName } from "../../core/values/ids.ts";

export type FeedReaders = {
  readonly exist: () => boolean;
  /** Sends new records to every reader. */
  readonly deliver: (appended: Appended) => void;
  /** Reads for every reader that is not at the head. */
  readonly catchUp: (head: Cursor | null) => void;
  /** Disconnects every reader. */
  readonly disconnect: (code: string) => void;
};

export type RecordFeedOptions = {
  readonly log: LogName;
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** Called with the records of other nodes that the feed read. */
  readonly onRead?: (log: LogName, appended: Appended) => void;
};

type Page = Extract<ReadResult, { readonly kind: "page" }>;

/** Milliseconds after a delivery. Appends within them go out together, because a frame costs more than its records. */
const REST_MS = 50;

export class RecordFeed {
  readonly #options: RecordFeedOptions;
  readonly #readers: FeedReaders;
  readonly #pageLimit: ReadLimit;
  /** The last known head, `#held` included. Undefined before the first. */
  #head: Cursor | null | undefined;
  /** Appends that the feed has not delivered yet. */
  #held: Appended | null = null;
  /** True for `REST_MS` after a delivery. */
  #isResting = false;
  #polling: "idle" | "once" | "again" = "idle";

  constructor(options: RecordFeedOptions, readers: FeedReaders) {
    const { pageEventsMax, frameBytesMax } = options.limits;
    this.#options = options;
    this.#readers = readers;
    this.#pageLimit = { events: pageEventsMax, bytes: frameBytesMax };
  }

  get head(): Cursor | null {
    return this.#head ?? null;
  }

  /**
   * Accepts the head that a read for one socket found, if the feed knows no head yet.
   * A later one is not accepted, because its records reached that one socket only.
   */
  assumeHead(head: Cursor | null): void {
    if (this.#head === undefined) this.#head = head;
  }

  /** Delivers what this node appended. */
  publish(appended: Appended): void {
    // The store has the right order if a poll runs or another node appended in between.
    if (this.#polling !== "idle" || (this.#head !== undefined && !sameCursor(appended.after, this.#head)))
      return void this.poll();
    this.#head = appended.head;
    this.#held = this.#held
      ? { after: this.#held.after, records: [...this.#held.records, ...appended.records], head: appended.head }
      : appended;
    if (!this.#isResting) this.#deliverThenRest();
  }

  /** Reads what other nodes appended, and delivers it. */
  async poll(): Promise<void> {
    const isRunning = this.#polling !== "idle";
    this.#polling = "again";
    if (isRunning) return;
    this.#deliverHeld();
    try {
      while (this.#polling === "again" && this.#readers.exist()) {
        this.#polling = "once";
        await this.#pollOnce();
      }
    } catch (error) {
      this.#options.report(error);
    } finally {
      this.#polling = "idle";
    }
  }

  async #pollOnce(): Promise<void> {
    const { log, store } = this.#options;
    const after = this.#head;
    if (after === undefined) return this.#pollHead();
    const read = await store.read(log, after, this.#pageLimit);
    if (read.kind === "page") this.#deliverPage(after, read);
    // The log does not have the feed's cursor, or is gone.
    else await this.#pollHead();
  }

  #deliverPage(after: Cursor | null, { records, head: storeHead }: Page): void {
    const head = records.at(-1)?.cursor ?? after;
    this.#head = head;
    if (records.length > 0) {
      const appended = { after, records, head };
      this.#options.onRead?.(this.#options.log, appended);
      this.#readers.deliver(appended);
      if (!sameCursor(head, storeHead)) this.#polling = "again";
    }
    this.#readers.catchUp(head);
  }

  /** Reads the head alone. Each reader then needs a read by its own cursor. */
  async #pollHead(): Promise<void> {
    const { log, store } = this.#options;
    const head = await store.head(log);
    if (head.kind === "gone") return this.#readers.disconnect("gone");
    this.#head = head.kind === "open" ? head.cursor : null;
    this.#readers.catchUp(this.#head);
  }

  /** Delivers at once. Appends during the rest that follows go out together at its end. */
  #deliverThenRest(): void {
    this.#isResting = this.#held !== null;
    this.#deliverHeld();
    if (this.#isResting) this.#options.env.setTimer(() => this.#deliverThenRest(), REST_MS);
  }

  #deliverHeld(): void {
    const appended = this.#held;
    this.#held = null;
    if (appended) this.#readers.deliver(appended);
  }
}
