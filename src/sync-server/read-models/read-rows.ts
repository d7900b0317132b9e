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
import { type Env, wait } from "../base/env.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { Follower, RowRange } from "../stores/model-store.ts";
import type { SqlLimit, SqlParam, SqlRow } from "../stores/sql-tables.ts";
import { type FollowerNotes, missingRows, notesOf } from "./follower-notes.ts";
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
  | RowsRefusal;

/** The rows of a query on SQL tables. */
export type QueryRead =
  | {
      readonly kind: "page";
      readonly rows: readonly SqlRow[];
      readonly more: boolean;
      readonly at: Cursor | null;
      readonly parked: number;
    }
  | RowsRefusal;

/** Why there are no rows now. */
export type RowsRefusal =
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

type StoredModel = Pick<ReadModel, "follower" | "beside" | "identity">;

type Freshness = {
  /** The rows must contain the log up to here. Null: any cursor. */
  readonly at: Cursor | null;
  readonly waitMs: number;
};

export type RowsRequest = Freshness & {
  readonly range: RowRange;
  /** True: if the rows are being built, the page may have the rows of another version that moved last. */
  readonly mayBeOlder: boolean;
};

export type QueryRequest = Freshness & {
  readonly sql: string;
  readonly params: readonly SqlParam[];
  readonly limit: SqlLimit;
};

/** Another node may build the rows, so a waiting reader also reads after this time. */
const READ_AGAIN_MS = 200;
/** Milliseconds between two reads of one waiting reader. Otherwise it would read without a pause. */
const READ_PAUSE_MS = 10;
const WAITING_MAX = 1_000;

export class RowsReader {
  readonly #options: RowsReaderOptions;
  #waiting = 0;

  constructor(options: RowsReaderOptions) {
    this.#options = options;
  }

  read(log: LogName, model: ReadModel, { range, mayBeOlder, ...fresh }: RowsRequest): Promise<RowsRead> {
    return this.#whenFresh(log, fresh, async (position) => {
      const own = await this.#readOnce(log, model, range, position);
      const isBuilt = own.kind !== "rows-building" || !mayBeOlder;
      return isBuilt ? own : this.#readOlder(log, model, range, position);
    });
  }

  /** Runs a query on the tables of a SQL model. */
  query(log: LogName, model: ReadModel, { at, waitMs, ...request }: QueryRequest): Promise<QueryRead> {
    return this.#whenFresh(log, { at, waitMs }, (position) => this.#queryOnce(log, model, request, position));
  }

  /** Reads until the rows contain the cursor, or the time is over. */
  async #whenFresh<Read extends { readonly kind: string }>(
    log: LogName,
    { at, waitMs }: Freshness,
    readOnce: (position: number) => Promise<Read | RowsRefusal>,
  ): Promise<Read | RowsRefusal> {
    const { env, store } = this.#options;
    if (at !== null) {
      const { kind } = await store.read(log, at, { events: 1, bytes: 1 });
      if (kind !== "page") return { kind: kind === "gone" ? "gone" : "diverged" };
    }
    const limit = new WaitLimit(env, waitMs);
    try {
      for (let rounds = 0; ; rounds++) {
        const read = await readOnce(positionOf(at));
        if (read.kind !== "rows-behind" && read.kind !== "rows-building") return read;
        this.#options.keepers.poke(log);
        if (limit.isOver || this.#options.keepers.isClosed) return read;
        if (this.#waiting >= WAITING_MAX) return { kind: "overloaded" };
        this.#waiting++;
        const changed = this.#options.keepers.changed(log, Math.min(waitMs, READ_AGAIN_MS));
        await limit.first(changed.finally(() => this.#waiting--));
        // Each read pokes the keeper. One that rests, or waits for another node, reports its end at once.
        if (rounds > 0) await wait(env, READ_PAUSE_MS);
      }
    } finally {
      limit.cancel();
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
    const older = { follower: newest.name, beside: model.beside, identity: identityOf(newest.name) };
    return this.#readOnce(log, older, range, position);
  }

  async #readOnce(log: LogName, model: StoredModel, range: RowRange, position: number): Promise<RowsRead> {
    const { store } = this.#options;
    const { follower, identity } = model;
    const page = await store.models?.rows(log, follower, ROWS, range);
    if (!page)
      return (await this.#missing(log)) ?? { kind: "page", rows: [], next: null, at: null, parked: 0, identity };
    const found = await this.#standingOf(log, model, page.follower, position);
    if ("kind" in found) return found;
    return {
      kind: "page",
      ...found,
      // A tombstone is no row.
      rows: page.rows.flatMap(([key, text]) => (text === null ? [] : [{ key, text }])),
      next: page.more ? (page.rows.at(-1)?.[0] ?? null) : null,
      identity,
    };
  }

  async #queryOnce(
    log: LogName,
    model: ReadModel,
    { limit, ...query }: Omit<QueryRequest, keyof Freshness>,
    position: number,
  ): Promise<QueryRead> {
    const page = await this.#options.store.models?.sql?.query(log, model.follower, query, limit);
    if (!page) return (await this.#missing(log)) ?? { kind: "page", rows: [], more: false, at: null, parked: 0 };
    const found = await this.#standingOf(log, model, page.follower, position);
    return "kind" in found ? found : { kind: "page", ...found, rows: page.rows, more: page.more };
  }

  /** The facts of a page of a follower, or why nobody may read it. */
  async #standingOf(
    log: LogName,
    { identity, beside }: StoredModel,
    follower: Follower,
    position: number,
  ): Promise<{ readonly at: Cursor | null; readonly parked: number } | RowsRefusal> {
    const notes = notesOf(follower);
    if (notes?.phase === "purged") {
      const stored = await this.#options.store.models?.followers(log);
      const found = stored?.kind === "open" ? stored.followers.find(({ name }) => name === beside) : undefined;
      return { kind: missingRows(notes, notesOf(found)) === "purged" ? "rows-not-populated" : "rows-building" };
    }
    if (notes?.phase !== "ready" || !isOf(identity, notes)) return { kind: "rows-building" };
    if (positionOf(follower.at) < position) return { kind: "rows-behind" };
    return { at: follower.at, parked: notes.parkedCount };
  }

  /** Why a model has no rows. Null: the log is empty. */
  async #missing(log: LogName): Promise<RowsRefusal | null> {
    const head = await this.#options.store.head(log);
    if (head.kind === "gone") return { kind: "gone" };
    return head.kind === "absent" || head.cursor === null ? null : { kind: "rows-building" };
  }
}

/** False: code of another version folded the rows. */
function isOf(identity: string, notes: FollowerNotes): boolean {
  return notes.identity === undefined || notes.identity === identity;
}

/** The time that a reader waits at most. It is a timer, because the clock may jump back by an hour. */
class WaitLimit {
  readonly #over: Promise<void>;
  readonly cancel: () => void;
  isOver: boolean;

  constructor(env: Pick<Env, "setTimer">, ms: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#over = promise;
    this.isOver = ms <= 0;
    const end = (): void => {
      this.isOver = true;
      resolve();
    };
    this.cancel = this.isOver ? resolve : env.setTimer(end, ms);
  }

  /** Resolves after the change, or at the end of the time. */
  first(change: Promise<void>): Promise<void> {
    return Promise.race([change, this.#over]);
  }
}
