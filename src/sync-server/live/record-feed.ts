/**
 * The records that come into one log: those of this node as the writer publishes them, those of other nodes from the store.
 *
 * Guarantees:
 * - Appends come out in the order of the log, also where two nodes append in turn.
 * - An append of this node comes out without a read of the store, unless the feed does not know what it follows.
 * - The feed is a hint, and the store is the truth: a failed poll loses nothing, because the next one reads the same.
 */
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type { Env } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { EventStore, ReadLimit, ReadResult } from "../stores/event-store.ts";
import type { Appended } from "../writer/admit-push.ts";

export type FeedReaders = {
  readonly areThere: () => boolean;
  /** Sends new records to every reader. */
  readonly deliver: (appended: Appended) => void;
  /** Reads for every reader that is not at the head. */
  readonly catchUp: (head: Cursor | null) => void;
  /** Disconnects every reader. */
  readonly disconnect: (code: string) => void;
};

export type RecordFeedOptions = {
  readonly log: string;
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly env: Env;
  readonly report: (error: unknown) => void;
};

type Page = Extract<ReadResult, { readonly kind: "page" }>;

/** Appends within this time after a frame go out together, because in a busy log a frame costs more than its records. */
const RECORDS_MS = 50;

export class RecordFeed {
  readonly #options: RecordFeedOptions;
  readonly #readers: FeedReaders;
  readonly #pageLimit: ReadLimit;
  /** The last head that the feed knows, with `#held` counted in. Undefined before the first. */
  #head: Cursor | null | undefined;
  /** Appended and not delivered yet. */
  #held: Appended | null = null;
  /** True for `RECORDS_MS` after a delivery. */
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
    // During a poll, or after an append of another node, the store has all of it in order.
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
      while (this.#polling === "again" && this.#readers.areThere()) {
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
    if (read.kind === "gone") this.#readers.disconnect("gone");
    else if (read.kind === "page") this.#deliverPage(after, read);
    // The log does not have the feed's cursor.
    else await this.#pollHead();
  }

  #deliverPage(after: Cursor | null, { records, head: storeHead }: Page): void {
    const head = records.at(-1)?.cursor ?? after;
    this.#head = head;
    if (records.length > 0) {
      this.#readers.deliver({ after, records, head });
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

  /** The first append goes out at once. The appends of the rest go out together at its end. */
  #deliverThenRest(): void {
    this.#isResting = this.#held !== null;
    this.#deliverHeld();
    if (this.#isResting) this.#options.env.setTimer(() => this.#deliverThenRest(), RECORDS_MS);
  }

  #deliverHeld(): void {
    const appended = this.#held;
    this.#held = null;
    if (appended) this.#readers.deliver(appended);
  }
}
