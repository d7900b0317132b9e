/**
 * Keeps the rows of a projection in a Dexie table, for queries over indexes and for `liveQuery`.
 *
 * Place: the entry `dacapo/dexie`, in the page. It uses only `log.rows`, and only Dexie's types.
 *
 * Guarantees (`dexie.test.ts`, `dexie.browser.test.ts`):
 * - The table has the rows that the page shows, pending ones included. Each change of rows is one transaction, so a
 *   reader sees the rows of one moment.
 * - One tab writes the table. It need not be the tab that syncs. If it closes or dies, another tab takes over.
 * - The first write of a tab compares the whole table with the rows. So a crash between the log and the table, a new
 *   version of the projection and another `record` heal when the log is opened.
 *
 * @module dacapo/dexie
 */
import type { Table } from "dexie";
import { DefinitionError } from "../core/values/errors.ts";
import type { AnyProjection, RowOf } from "../core/domain/handle-types.ts";
import type { LiveRows, TypedRowEntry } from "./page/live-types.ts";
import type { LogHandle } from "./page/log-handle.ts";

/**
 * The table of a projection's rows, and the record that each row becomes in it.
 *
 * @example
 * const options: DexieTableOptions<RowOf<typeof board>, { key: string; title: string }> = {
 *   table: db.table("tasks"),
 *   record: ({ row }) => ({ title: row.title.toLowerCase() }),
 * };
 */
export type DexieTableOptions<Row, Item extends { readonly key: string }> = {
  /**
   * The table. Its primary key is `key`, such as in `stores({ tasks: "key, title" })`. Only Dacapo writes to it.
   *
   * Name its database after the log and the user, because it has the rows of one log of one person.
   */
  readonly table: Table<Item, string>;
  /**
   * Returns the record of a row, without its key: values that IndexedDB can index, such as texts, numbers and arrays
   * of them. It is pure.
   *
   * Null leaves the row out of the table.
   */
  readonly record: (entry: TypedRowEntry<Row>) => Omit<Item, "key"> | null;
  /**
   * Receives the error of a write or of `record`. The write is tried again.
   *
   * @default the error is reported as uncaught
   */
  readonly onError?: (error: unknown) => void;
};

/**
 * A table that is kept up to date.
 *
 * @example
 * const tasks = dexieTable(log, board, { table: db.table("tasks"), record: ({ row }) => ({ title: row.title }) });
 * await tasks.ready;
 * await tasks.close();
 */
export type DexieTable = {
  /**
   * Resolves when the table has the rows as of the call of `dexieTable`. In a tab that does not write, it resolves at
   * once, because another tab keeps the table.
   */
  readonly ready: Promise<void>;
  /** Resolves when the table has the rows that the log shows now, if this tab writes it. */
  settled(): Promise<void>;
  /** Stops writing. The table stays as it is. Close it before the log. */
  close(): Promise<void>;
};

/** Milliseconds until a failed write is tried again, if no row changes before. */
const RETRY_MS = 5_000;

/**
 * Keeps the rows of a projection in a Dexie table. Query the table with Dexie, and write with `log.execute`.
 *
 * @example
 * const db = new Dexie("board team-7 ada");
 * db.version(1).stores({ tasks: "key, title" });
 * const tasks = dexieTable(log, board, { table: db.table("tasks"), record: ({ row }) => ({ title: row.title }) });
 * const found = await db.table("tasks").where("title").startsWith("Milk").toArray();
 *
 * @throws {DefinitionError} `definition`: the primary key of the table is not `key`
 */
export function dexieTable<P extends AnyProjection, Item extends { readonly key: string }>(
  log: Pick<LogHandle<unknown>, "rows">,
  projection: P,
  options: DexieTableOptions<RowOf<P>, Item>,
): DexieTable {
  const { name, schema } = options.table;
  if (schema.primKey.keyPath !== "key")
    throw new DefinitionError({
      message: `The primary key of the table ${name} is ${JSON.stringify(schema.primKey.keyPath)}, not "key"`,
      fix: `Write stores({ ${name}: "key, …" }).`,
    });
  return new TableWriter(log.rows(projection), options);
}

class TableWriter<Row, Item extends { readonly key: string }> implements DexieTable {
  readonly ready: Promise<void>;
  readonly #rows: LiveRows<Row>;
  readonly #options: DexieTableOptions<Row, Item>;
  readonly #closing = new AbortController();
  readonly #unsubscribe: () => void;
  /** The rows that the table has. Null: unknown, so the next write compares the whole table. */
  #written: ReadonlyMap<string, TypedRowEntry<Row>> | null = null;
  #isWriter = false;
  #isStale = true;
  /** A write is requested and has not begun. */
  #isWaiting = false;
  #writing: Promise<void> = Promise.resolve();
  #release: () => void = () => {};

  constructor(rows: LiveRows<Row>, options: DexieTableOptions<Row, Item>) {
    this.#rows = rows;
    this.#options = options;
    this.#unsubscribe = rows.subscribe(() => {
      this.#isStale = true;
      this.#request();
    });
    this.ready = this.#compete();
    // Handles the rejection, because an app need not await `ready`.
    this.ready.catch(() => {});
  }

  settled(): Promise<void> {
    this.#request();
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#closing.abort();
    await this.#writing;
    this.#release();
  }

  /** Waits for the table's lock, and returns when the table has the rows, or when another tab has the lock. */
  async #compete(): Promise<void> {
    await this.#rows.ready;
    const locks = globalThis.navigator?.locks;
    // Without Web Locks each tab writes. A write only stores what the table lacks.
    if (!locks) return this.#lead();
    const { table } = this.#options;
    const lock = `dacapo table ${table.db.name} ${table.name}`;
    const { promise: first, resolve } = Promise.withResolvers<void>();
    const hold = async () => {
      await this.#lead();
      resolve();
      await new Promise<void>((release) => {
        this.#release = release;
        if (this.#closing.signal.aborted) release();
      });
    };
    const waiting = async () => {
      const isFree = await locks.request(lock, { ifAvailable: true }, async (held) => {
        if (held) await hold();
        return held !== null;
      });
      resolve();
      if (!isFree) await locks.request(lock, { signal: this.#closing.signal }, hold);
    };
    // A closed table cancels its request.
    waiting().catch((error: unknown) => this.#closing.signal.aborted || this.#report(error));
    return first;
  }

  #lead(): Promise<void> {
    this.#isWriter = true;
    this.#written = null;
    return this.settled();
  }

  #request(): void {
    if (!this.#isWriter || !this.#isStale || this.#isWaiting || this.#closing.signal.aborted) return;
    this.#isWaiting = true;
    this.#writing = this.#writing.then(() => this.#write());
  }

  async #write(): Promise<void> {
    this.#isWaiting = false;
    if (this.#closing.signal.aborted) return;
    this.#isStale = false;
    const entries = new Map(this.#rows.all().map((entry) => [entry.key, entry]));
    try {
      await this.#store(entries);
      this.#written = entries;
    } catch (error) {
      this.#written = null;
      this.#isStale = true;
      this.#report(error);
      setTimeout(() => this.#request(), RETRY_MS);
    }
  }

  /** Writes what differs, in one transaction. */
  async #store(entries: ReadonlyMap<string, TypedRowEntry<Row>>): Promise<void> {
    const { table } = this.#options;
    const written = this.#written;
    await table.db.transaction("rw", table, async () => {
      const stored = written ? null : new Map((await table.toArray()).map((item) => [item.key, item]));
      const items: Item[] = [];
      const gone = new Set<string>();
      for (const key of (written ?? stored ?? entries).keys()) if (!entries.has(key)) gone.add(key);
      for (const [key, entry] of entries) {
        if (written?.get(key) === entry) continue;
        const item = this.#itemOf(entry);
        if (item === null) gone.add(key);
        else if (!isSame(stored?.get(key), item)) items.push(item);
      }
      await table.bulkDelete([...gone]);
      await table.bulkPut(items);
    });
  }

  #itemOf(entry: TypedRowEntry<Row>): Item | null {
    const record = this.#options.record(entry);
    // The fields of `Item` are those of `record` and the key.
    return record && ({ ...record, key: entry.key } as Item);
  }

  #report(error: unknown): void {
    const { onError } = this.#options;
    if (onError) return onError(error);
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** Compares as IndexedDB compares keys: dates and bytes by their values. */
function isSame(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) return false;
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) return false;
  const [own, other] = [Object.entries(left), new Map(Object.entries(right))];
  // Other objects, such as sets and buffers, are written again.
  const isPlain = Array.isArray(left) || Object.getPrototypeOf(left) === Object.prototype;
  return isPlain && own.length === other.size && own.every(([name, value]) => isSame(value, other.get(name)));
}
