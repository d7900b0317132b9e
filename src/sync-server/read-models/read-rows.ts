/**
 * Reads a page of rows, and waits until the rows have reached a cursor.
 *
 * Guarantees (get-rows.test.ts):
 * - A page is of one cursor, which it names. It has rows of one identity of the model (M4).
 * - A reader that names a cursor gets rows that contain it, or a refusal.
 * - The number of waiting readers is bounded.
 */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { RowRange } from "../stores/model-store.ts";
import { type FollowerNotes, notesOf } from "./follower-notes.ts";
import type { ModelKeepers } from "./model-keepers.ts";
import { identityOf, isRowsOf, type ReadModel, ROWS } from "./read-model.ts";

export type RowsRead =
  | {
      readonly kind: "page";
      /** JSON of each row, in the order of the UTF-8 bytes of the keys. */
      readonly rows: readonly { readonly key: string; readonly text: string }[];
      /** The last key of this page, if more rows follow. */
      readonly next: string | null;
      /** The rows contain the log up to here. Null: the log has no record yet. */
      readonly at: Cursor | null;
      /** Events that the rows lack, because they could not be folded. */
      readonly parked: number;
      /** The version of the model and of its aggregates that made the rows. */
      readonly identity: string;
    }
  /** The log does not contain the cursor. */
  | { readonly kind: "diverged" }
  | { readonly kind: "gone" }
  /** The rows did not reach the cursor in time. */
  | { readonly kind: "rows-behind" }
  /** The rows are built for the first time, or again. */
  | { readonly kind: "rows-building" }
  /** An operator removed the rows. */
  | { readonly kind: "rows-not-populated" }
  /** Too many readers wait. */
  | { readonly kind: "overloaded" };

/** The models of a server, and the reader of their rows. */
export type ReadRows = { readonly models: ReadonlyMap<string, ReadModel>; readonly reader: RowsReader };

export type RowsReaderOptions = {
  readonly store: EventStore;
  readonly keepers: ModelKeepers;
  readonly env: Env;
};

export type RowsRequest = {
  readonly range: RowRange;
  /** The rows must contain the log up to here. Null: any cursor. */
  readonly at: Cursor | null;
  readonly waitMs: number;
  /** True: if the rows are being built, the page may have the rows of another version that moved last. */
  readonly mayBeOlder: boolean;
};

/** Another node may build the rows, so a waiting reader also reads after this time. */
const READ_AGAIN_MS = 200;
const WAITING_MAX = 1_000;

export class RowsReader {
  readonly #options: RowsReaderOptions;
  #waiting = 0;

  constructor(options: RowsReaderOptions) {
    this.#options = options;
  }

  async read(log: LogName, model: ReadModel, { range, at, waitMs, mayBeOlder }: RowsRequest): Promise<RowsRead> {
    const { env, store } = this.#options;
    const until = env.now() + waitMs;
    if (at !== null) {
      const { kind } = await store.read(log, at, { events: 1, bytes: 1 });
      if (kind !== "page") return { kind: kind === "gone" ? "gone" : "diverged" };
    }
    for (;;) {
      const own = await this.#readOnce(log, model, range, positionOf(at));
      const isBuilt = own.kind !== "rows-building" || !mayBeOlder;
      const read = isBuilt ? own : await this.#readOlder(log, model, range, positionOf(at));
      if (read.kind !== "rows-behind" && read.kind !== "rows-building") return read;
      this.#options.keepers.poke(log);
      const leftMs = until - env.now();
      if (leftMs <= 0 || this.#options.keepers.isClosed) return read;
      if (this.#waiting >= WAITING_MAX) return { kind: "overloaded" };
      this.#waiting++;
      await this.#options.keepers.changed(log, Math.min(leftMs, READ_AGAIN_MS)).finally(() => this.#waiting--);
    }
  }

  /** The rows of the version that moved last, of those that are ready. */
  async #readOlder(log: LogName, model: ReadModel, range: RowRange, position: number): Promise<RowsRead> {
    const found = await this.#options.store.models?.followers(log);
    const followers = found?.kind === "open" ? found.followers : [];
    const [newest] = followers
      .flatMap(({ name, text }) => {
        const notes = notesOf({ text });
        const isOther = isRowsOf(name, model.name) && name !== model.follower;
        return isOther && notes?.phase === "ready" ? { name, movedAt: notes.movedAt } : [];
      })
      .sort((left, right) => right.movedAt - left.movedAt);
    if (!newest) return { kind: "rows-building" };
    return this.#readOnce(log, { follower: newest.name, identity: identityOf(newest.name) }, range, position);
  }

  async #readOnce(
    log: LogName,
    { follower, identity }: Pick<ReadModel, "follower" | "identity">,
    range: RowRange,
    position: number,
  ): Promise<RowsRead> {
    const { store } = this.#options;
    const page = await store.models?.rows(log, follower, ROWS, range);
    if (!page) {
      const head = await store.head(log);
      if (head.kind === "gone") return { kind: "gone" };
      const isEmpty = head.kind === "absent" || head.cursor === null;
      return isEmpty
        ? { kind: "page", rows: [], next: null, at: null, parked: 0, identity }
        : { kind: "rows-building" };
    }
    const notes = notesOf(page.follower);
    if (notes?.phase === "purged") return { kind: "rows-not-populated" };
    if (notes?.phase !== "ready" || !isOf(identity, notes)) return { kind: "rows-building" };
    if (positionOf(page.follower.at) < position) return { kind: "rows-behind" };
    return {
      kind: "page",
      // A tombstone is no row.
      rows: page.rows.flatMap(([key, text]) => (text === null ? [] : [{ key, text }])),
      next: page.more ? (page.rows.at(-1)?.[0] ?? null) : null,
      at: page.follower.at,
      parked: notes.parkedCount,
      identity,
    };
  }
}

/** False: code of another version folded the rows. */
function isOf(identity: string, notes: FollowerNotes): boolean {
  return notes.identity === undefined || notes.identity === identity;
}
