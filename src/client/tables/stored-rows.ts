/**
 * Compares a Dexie table with the rows of a projection, and writes what differs.
 *
 * It works in slices: it reads a part of the table, makes the records of the rows there, and compares both. So the page
 * can work meanwhile. The differences of all slices are then one transaction.
 */
import type { Table } from "dexie";
import type { TypedRowEntry } from "../page/live-types.ts";
import { isMaybeSame, isSame, type Same } from "./is-same.ts";

export type StoredRowsOptions<Row, Item extends { readonly key: string }> = {
  readonly table: Table<Item, string>;
  readonly record: (entry: TypedRowEntry<Row>) => Omit<Item, "key"> | null;
};

type Entries<Row> = readonly TypedRowEntry<Row>[];

type Known<Row> = {
  /** The rows that the table has, in the order of their keys. */
  readonly entries: Entries<Row>;
  /** Behind another connection the table may be another one, because the app deleted the database. */
  readonly connection: IDBDatabase;
};

type Differences<Item> = { readonly items: readonly Item[]; readonly gone: readonly string[] };

/** Rows that are worked on without a break: a few milliseconds. */
const SLICE = 250;

export class StoredRows<Row, Item extends { readonly key: string }> {
  readonly #options: StoredRowsOptions<Row, Item>;
  /** Null: unknown, so the next comparison reads the whole table. */
  #known: Known<Row> | null = null;

  constructor(options: StoredRowsOptions<Row, Item>) {
    this.#options = options;
  }

  /** Makes the next comparison read the whole table. */
  forget(): void {
    this.#known = null;
  }

  /** Resolves with true if the table has these rows, and with false if it does not or the signal aborts. */
  async has(entries: Entries<Row>, signal: AbortSignal): Promise<boolean> {
    const connection = await this.#connect();
    for await (const { items, gone } of this.#differences(entries, connection, signal, isMaybeSame))
      if (items.length + gone.length > 0) return false;
    if (signal.aborted) return false;
    this.#known = { entries, connection };
    return true;
  }

  /** Writes what differs. Resolves with true if the table has these rows, and with false if the signal aborts. */
  async write(entries: Entries<Row>, signal: AbortSignal): Promise<boolean> {
    try {
      const connection = await this.#connect();
      const slices: Differences<Item>[] = [];
      for await (const slice of this.#differences(entries, connection, signal, isSame)) slices.push(slice);
      if (signal.aborted) return false;
      await this.#store({ items: slices.flatMap(({ items }) => items), gone: slices.flatMap(({ gone }) => gone) });
      // The connection before the comparison. If the database was opened again since, the next write reads the table.
      this.#known = { entries, connection };
      return true;
    } catch (error) {
      this.#known = null;
      throw error;
    }
  }

  async *#differences(
    entries: Entries<Row>,
    connection: IDBDatabase,
    signal: AbortSignal,
    same: Same,
  ): AsyncGenerator<Differences<Item>> {
    const changes = this.#known?.connection === connection ? changesOf(this.#known.entries, entries) : null;
    const keys = changes && [...changes.changed.map(({ key }) => key), ...changes.gone];
    if (changes && keys && keys.length <= SLICE) {
      if (keys.length === 0 || signal.aborted) return;
      yield this.#compare(changes.changed, await this.#options.table.bulkGet(keys), same);
      return;
    }
    for (let at = 0, isLast = false; !isLast && !signal.aborted; at += SLICE) {
      const slice = entries.slice(at, at + SLICE);
      isLast = at + SLICE >= entries.length;
      const [from, to] = [entries[at - 1]?.key ?? null, isLast ? null : (slice.at(-1)?.key ?? null)];
      yield this.#compare(slice, await this.#storedBetween(from, to), same);
    }
  }

  /** Compares rows with the records that the table has in their place. */
  #compare(entries: Entries<Row>, stored: readonly (Item | undefined)[], same: Same): Differences<Item> {
    const left = new Map(stored.flatMap((item) => (item ? [[item.key, item]] : [])));
    const items: Item[] = [];
    for (const entry of entries) {
      const item = this.#itemOf(entry);
      if (!item) continue;
      // A copy, because a table with a mapped class returns instances.
      if (!same({ ...left.get(entry.key) }, item)) items.push(item);
      left.delete(entry.key);
    }
    return { items, gone: [...left.keys()] };
  }

  #itemOf(entry: TypedRowEntry<Row>): Item | null {
    const record = this.#options.record(entry);
    // The fields of `Item` are those of `record` and the key.
    return record && ({ ...record, key: entry.key } as Item);
  }

  /** The records whose keys are after `from` and up to `to`. Null is no limit. */
  #storedBetween(from: string | null, to: string | null): Promise<Item[]> {
    // IndexedDB orders each array after all texts.
    return this.#options.table
      .where("key")
      .between(from ?? "", to ?? [], from === null, true)
      .toArray();
  }

  /** Opens the database if it is closed. */
  #connect(): Promise<IDBDatabase> {
    const { table } = this.#options;
    return table.db.transaction("r", table, ({ idbtrans }) => idbtrans.db);
  }

  async #store({ items, gone }: Differences<Item>): Promise<void> {
    if (items.length + gone.length === 0) return;
    const { table } = this.#options;
    await table.db.transaction("rw", table, async () => {
      for (let at = 0; at < gone.length; at += SLICE) await table.bulkDelete(gone.slice(at, at + SLICE));
      for (let at = 0; at < items.length; at += SLICE) await table.bulkPut(items.slice(at, at + SLICE));
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
