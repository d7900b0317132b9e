/** Keeps a Dexie table equal to the rows of a projection. One tab writes, and the other tabs check the table. */
import type { LiveRows } from "../page/live-types.ts";
import { callListener } from "../page/live-value.ts";
import { StoredRows, type StoredRowsOptions } from "./stored-rows.ts";
import { TableLock } from "./table-lock.ts";

type Options<Row, Item extends { readonly key: string }> = StoredRowsOptions<Row, Item> & {
  readonly onError?: (error: unknown) => void;
};

/** Milliseconds until a failed write is tried again, if no row changes before. */
const RETRY_MS = 5_000;

export class TableWriter<Row, Item extends { readonly key: string }> {
  readonly #rows: LiveRows<Row>;
  readonly #options: Options<Row, Item>;
  readonly #stored: StoredRows<Row, Item>;
  readonly #lock: TableLock;
  readonly #closing = new AbortController();
  readonly #unsubscribe: () => void;
  readonly #ready = Promise.withResolvers<void>();
  /** The lock came or went, so another tab may have written since this tab last read the table. */
  #mustReadAll = false;
  /** Work is requested and has not begun. */
  #isRequested = false;
  /** Resolves when the table had the rows of the last request, or after `close`. */
  #working: Promise<void> = Promise.resolve();
  /** Ends the pause until the next try. */
  #wake: () => void = () => {};

  constructor(rows: LiveRows<Row>, options: Options<Row, Item>) {
    // Handles the rejection, because an app need not await `ready`.
    this.ready.catch(() => {});
    this.#rows = rows;
    this.#options = options;
    const { table } = options;
    const { db } = table;
    this.#stored = new StoredRows(options);
    this.#lock = new TableLock(`dacapo table ${db.name} ${table.name}`, this.#closing.signal);
    const unsubscribe = rows.subscribe(() => this.#request());
    // Another tab upgrades the database, so its code is newer. Or it deletes the database, which must not come back.
    const leave = () => void this.close();
    db.on("versionchange", leave);
    this.#unsubscribe = () => {
      unsubscribe();
      db.on("versionchange").unsubscribe(leave);
    };
    rows.ready.then(() => this.#begin(), this.#ready.reject);
  }

  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  /** Aborts when the table is closed. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  async settled(): Promise<void> {
    await this.#rows.ready;
    this.#request();
    await this.#working;
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    this.#closing.abort();
    this.#wake();
    await this.#working;
    this.#lock.release();
  }

  #begin(): void {
    const changed = () => {
      this.#mustReadAll = true;
      // A tab that lost the lock checks with its next row. If its log ended, it has none, and must not steal back.
      if (this.#lock.isHeld) this.#request();
    };
    this.#lock.compete(changed).catch((error: unknown) => this.#report(error));
    this.#request();
  }

  #request(): void {
    // A tab that checks keeps its pace, because the writing tab needs time for each change.
    if (this.#lock.isHeld) this.#wake();
    if (this.#isRequested) return;
    this.#isRequested = true;
    this.#working = this.#working.then(() => this.#bringUpToDate());
  }

  async #bringUpToDate(): Promise<void> {
    const { signal } = this.#closing;
    this.#isRequested = false;
    while (!signal.aborted) {
      const retryMs = await (this.#lock.isHeld ? this.#write() : this.#check());
      if (signal.aborted) return;
      if (retryMs === null) return this.#ready.resolve();
      await this.#pause(retryMs);
    }
  }

  /** Returns the milliseconds until the next try, or null if the table has the rows. */
  async #write(): Promise<number | null> {
    const { signal } = this.#closing;
    const write = () => this.#current().write(this.#rows.all(), signal);
    try {
      return (await this.#lock.write(write)) ? null : 0;
    } catch (error) {
      if (!signal.aborted) this.#report(error);
      return RETRY_MS;
    }
  }

  /** Returns the milliseconds until the next try, or null if the table has the rows. */
  async #check(): Promise<number | null> {
    try {
      // A tab that gets the lock compares the table itself.
      const ended = AbortSignal.any([this.#closing.signal, this.#lock.granted]);
      if (!(await this.#current().has(this.#rows.all(), ended))) return this.#lock.countMiss();
      this.#lock.resetMisses();
      return null;
    } catch {
      // The writing tab reports what fails. A tab that cannot read the table does not steal its lock.
      return RETRY_MS;
    }
  }

  #current(): StoredRows<Row, Item> {
    if (this.#mustReadAll) this.#stored.forget();
    this.#mustReadAll = false;
    return this.#stored;
  }

  #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    return promise.finally(() => clearTimeout(timer));
  }

  #report(error: unknown): void {
    const { onError } = this.#options;
    if (onError) return callListener(onError, error);
    queueMicrotask(() => {
      throw error;
    });
  }
}
