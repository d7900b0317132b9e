/**
 * Writes the rows of a projection to a Dexie table. One tab writes; the others wait for its lock.
 *
 * A write of many rows works in slices: it reads a part of the table, makes the records of the rows there, and compares
 * both. The differences of all slices are then one transaction.
 */
import type { Table } from "dexie";
import type { LiveRows, TypedRowEntry } from "../page/live-types.ts";
import { callListener } from "../page/live-value.ts";
import { isSame } from "./is-same.ts";

type Options<Row, Item extends { readonly key: string }> = {
  readonly table: Table<Item, string>;
  readonly record: (entry: TypedRowEntry<Row>) => Omit<Item, "key"> | null;
  readonly onError?: (error: unknown) => void;
};

type Written<Row> = {
  /** The rows that the table has, in the order of their keys. */
  readonly entries: readonly TypedRowEntry<Row>[];
  /** Behind another connection the table may be another one, because the app deleted the database. */
  readonly connection: IDBDatabase;
};

type Differences<Item> = { readonly items: Item[]; readonly gone: string[] };

/** Milliseconds until a failed write is tried again, if no row changes before. */
const RETRY_MS = 5_000;
/** Rows that are worked on without a break: a few milliseconds. */
const SLICE = 250;

export class TableWriter<Row, Item extends { readonly key: string }> {
  readonly #rows: LiveRows<Row>;
  readonly #options: Options<Row, Item>;
  readonly #closing = new AbortController();
  readonly #unsubscribe: () => void;
  /** Null: unknown, so the next write reads the table. */
  #written: Written<Row> | null = null;
  readonly #ready = Promise.withResolvers<void>();
  #isWriter = false;
  /** A write is requested and has not begun. */
  #isWaiting = false;
  /** Resolves when all requested writes have succeeded, or after `close`. */
  #writing: Promise<void> = Promise.resolve();
  #release: () => void = () => {};
  /** Ends the pause after a failed write. */
  #wake: () => void = () => {};

  constructor(rows: LiveRows<Row>, options: Options<Row, Item>) {
    // Handles the rejection, because an app need not await `ready`.
    this.ready.catch(() => {});
    this.#rows = rows;
    this.#options = options;
    const unsubscribe = rows.subscribe(() => this.#request());
    const { db } = options.table;
    // Another tab upgrades the database, so its code is newer. Or it deletes the database, which must not come back.
    const leave = () => void this.close();
    db.on("versionchange", leave);
    this.#unsubscribe = () => {
      unsubscribe();
      db.on("versionchange").unsubscribe(leave);
    };
    rows.ready.then(() => this.#compete()).catch(this.#ready.reject);
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  settled(): Promise<void> {
    this.#request();
    return this.#writing;
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#closing.abort();
    this.#wake();
    await this.#writing;
    this.#release();
  }

  /** Waits for the table's lock, and then writes. */
  #compete(): void {
    const locks = globalThis.navigator?.locks;
    // Without Web Locks each tab writes. A write only stores what the table lacks.
    if (!locks) return this.#lead();
    const { table } = this.#options;
    const lock = `dacapo table ${table.db.name} ${table.name}`;
    const { signal } = this.#closing;
    const hold = () => {
      this.#lead();
      return new Promise<void>((release) => {
        this.#release = release;
        if (signal.aborted) release();
      });
    };
    /** Resolves with false if another tab has the lock, otherwise with true after the first write or `close`. */
    const begin = () =>
      new Promise<boolean>((begun, reject) => {
        const whenFree = (held: Lock | null) => {
          if (!held) return begun(false);
          void this.ready.then(() => begun(true));
          return hold();
        };
        locks.request(lock, { ifAvailable: true }, whenFree).then(() => begun(true), reject);
      });
    const waiting = async () => {
      // One tab after the other, because the others wait for the first write.
      const isWriter = await locks.request(`${lock} first write`, { signal }, begin);
      if (isWriter) return;
      this.#ready.resolve();
      await locks.request(lock, { signal }, hold);
    };
    // A closed table cancels its requests.
    waiting().catch((error: unknown) => signal.aborted || this.#report(error));
  }

  #lead(): void {
    this.#isWriter = true;
    this.#written = null;
    this.#request();
  }

  #request(): void {
    if (!this.#isWriter) return;
    this.#wake();
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#writing = this.#writing.then(() => this.#writeUntilDone());
  }

  async #writeUntilDone(): Promise<void> {
    this.#isWaiting = false;
    while (!this.#closing.signal.aborted) {
      try {
        return await this.#write(this.#rows.all());
      } catch (error) {
        this.#written = null;
        this.#report(error);
        if (!this.#closing.signal.aborted) await this.#pause(RETRY_MS);
      }
    }
  }

  async #write(entries: readonly TypedRowEntry<Row>[]): Promise<void> {
    const connection = await this.#connect();
    if (connection !== this.#written?.connection) this.#written = null;
    const differences = this.#differencesFromWritten(entries) ?? (await this.#differencesFromTable(entries));
    if (this.#closing.signal.aborted) return;
    await this.#store(differences);
    // The connection before the comparison. If the database was opened again since, the next write reads the table.
    this.#written = { entries, connection };
    this.#ready.resolve();
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    return promise.finally(() => clearTimeout(timer));
  }

  /** Compares with the last write. Null if it is unknown, or if more than a slice differs. */
  #differencesFromWritten(entries: readonly TypedRowEntry<Row>[]): Differences<Item> | null {
    const changes = this.#written && changesOf(this.#written.entries, entries);
    if (!changes || changes.changed.length > SLICE) return null;
    const items: Item[] = [];
    const gone = [...changes.gone];
    for (const entry of changes.changed) {
      const item = this.#itemOf(entry);
      if (item) items.push(item);
      else gone.push(entry.key);
    }
    return { items, gone };
  }

  /** Compares with the table, slice by slice. The page works while a slice of the table is read. */
  async #differencesFromTable(entries: readonly TypedRowEntry<Row>[]): Promise<Differences<Item>> {
    const all: Differences<Item> = { items: [], gone: [] };
    for (let at = 0, isLast = false; !isLast && !this.#closing.signal.aborted; at += SLICE) {
      const slice = entries.slice(at, at + SLICE);
      isLast = at + SLICE >= entries.length;
      const stored = await this.#storedBetween(
        entries[at - 1]?.key ?? null,
        isLast ? null : (slice.at(-1)?.key ?? null),
      );
      for (const entry of slice) {
        const item = this.#itemOf(entry);
        if (!item) continue;
        if (!isSame(stored.get(entry.key), item)) all.items.push(item);
        stored.delete(entry.key);
      }
      for (const key of stored.keys()) all.gone.push(key);
    }
    return all;
  }

  /** The records whose keys are after `from` and up to `to`. Null is no limit. */
  async #storedBetween(from: string | null, to: string | null): Promise<Map<string, Item>> {
    // IndexedDB orders each array after all texts.
    const range = this.#options.table.where("key").between(from ?? "", to ?? [], from === null, true);
    return new Map((await range.toArray()).map((item) => [item.key, item]));
  }

  /** Opens the database if it is closed. */
  #connect(): Promise<IDBDatabase> {
    const { table } = this.#options;
    return table.db.transaction("r", table, ({ idbtrans }) => idbtrans.db);
  }

  #store({ items, gone }: Differences<Item>): Promise<void> {
    const { table } = this.#options;
    return table.db.transaction("rw", table, async () => {
      for (let at = 0; at < gone.length; at += SLICE) await table.bulkDelete(gone.slice(at, at + SLICE));
      for (let at = 0; at < items.length; at += SLICE) await table.bulkPut(items.slice(at, at + SLICE));
    });
  }

  #itemOf(entry: TypedRowEntry<Row>): Item | null {
    const record = this.#options.record(entry);
    // The fields of `Item` are those of `record` and the key.
    return record && ({ ...record, key: entry.key } as Item);
  }

  #report(error: unknown): void {
    const { onError } = this.#options;
    if (onError) return callListener(onError, error);
    queueMicrotask(() => {
      throw error;
    });
  }
}

type Keyed = { readonly key: string };

/** Compares two lists in the order of their keys: the entries of the second that the first lacks, and its lost keys. */
function changesOf<Entry extends Keyed>(before: readonly Entry[], after: readonly Entry[]) {
  const changed: Entry[] = [];
  const gone: string[] = [];
  let at = 0;
  for (const entry of after) {
    for (let old = before[at]; old && old.key < entry.key; old = before[++at]) gone.push(old.key);
    const old = before[at];
    if (old !== entry) changed.push(entry);
    if (old?.key === entry.key) at++;
  }
  for (const { key } of before.slice(at)) gone.push(key);
  return { changed, gone };
}
