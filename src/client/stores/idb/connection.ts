/**
 * The connection to one database, which opens on demand and opens again after it died.
 *
 *   closed ──#run──► opening ──► open ──close event, versionchange, dead connection──► closed
 *                       └── newer layout, blocked, replaced, denied: a typed error
 *
 * Guarantees (test/unit/client/stores/connection.test.ts):
 * - An operation resolves only after its transaction is complete (L1).
 * - An operation on a dead connection runs again from its beginning, a bounded number of times (L10).
 * - Every wait for the browser's open and delete requests has a limit (L10).
 * - A handle stays with the database that it opened first. If the browser deleted that database, the handle reports it
 *   and never continues in an empty database (L10).
 */
import { openDB, unwrap } from "idb";
import { DacapoError } from "../../../core/values/errors.ts";
import type { ClientId } from "../../../core/values/ids.ts";
import type { Env } from "../../env/env.ts";
import { type LostReason, storageFull, storageLost } from "../storage-errors.ts";
import { deleteDatabase, DELETING, finishDeletion } from "./delete-database.ts";
import { classifyIdbError, named } from "./failure.ts";
import {
  headText,
  LAYOUT_VERSION,
  type Layout,
  put,
  type ReadTransaction,
  readHead,
  STORE_NAMES,
  type StoreName,
  type WriteTransaction,
} from "./layout.ts";
import { abort, type Aborted, type Database, readIn, writeBareIn, writeIn } from "./transaction.ts";
import { upgradeFrom1 } from "./upgrade.ts";

/**
 * Opening waits until other tabs close their connections. The wait has a limit, because a frozen tab never does.
 */
export const OPEN_MS_MAX = 10_000;
/** Waits before a dead connection is opened again, because a browser needs a moment to start its storage process. */
export const REOPEN_WAITS_MS: readonly number[] = [50, 400];

export type ConnectionOptions = {
  readonly name: string;
  readonly newClientId: () => string;
  readonly timer: Env["setTimer"];
};

export class Connection {
  readonly #options: ConnectionOptions;
  #opening: Promise<Database> | null = null;
  #current: Database | null = null;
  #ended: LostReason | null = null;
  /** The reason to report if the database that this handle opened first is gone. A tab that deletes it says so. */
  #goneBy: LostReason = "replaced";
  #clientId: ClientId | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  read<T>(stores: readonly StoreName[], work: (tx: ReadTransaction) => Promise<T>): Promise<T> {
    return this.#run((database) => readIn(database, stores, work));
  }

  /**
   * Like `write`, without idb's wrapping, because the wrapping costs a tenth of a small write. If `work` returns
   * `Aborted`, the write stores nothing.
   */
  writeBare<T>(
    stores: readonly StoreName[],
    durability: "strict" | "relaxed",
    work: (tx: IDBTransaction) => Promise<T | Aborted<T>>,
  ): Promise<T> {
    return this.#run((database) => writeBareIn(database, stores, durability, work));
  }

  /**
   * Runs `work` again if the connection died. The first run may have succeeded, because a dead connection does not
   * always report.
   */
  write<T>(
    stores: readonly StoreName[],
    durability: "strict" | "relaxed",
    work: (tx: WriteTransaction) => Promise<T>,
  ): Promise<T> {
    return this.#run((database) => writeIn(database, stores, durability, work));
  }

  close(): void {
    this.#end("closed");
  }

  /** Deletes the database if `mayDelete` allows it. Without `mayDelete`, the handle ends in any case. */
  async destroy(mayDelete?: (tx: IDBTransaction) => Promise<boolean>): Promise<boolean> {
    if (!mayDelete) this.#end("deleted");
    const { name, timer } = this.#options;
    const isDeleted = await deleteDatabase(name, async (tx) => (await mayDelete?.(tx)) ?? true, timer);
    if (isDeleted) this.#end("deleted");
    return isDeleted;
  }

  async #run<T>(work: (database: Database) => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      if (this.#ended) throw storageLost(this.#ended);
      let database: Database | null = null;
      try {
        const opened = (this.#opening ??= this.#open());
        database = await opened;
        return await work(database);
      } catch (error) {
        const { kind } = classifyIdbError(error);
        if (kind === "other" && database) throw error;
        if (database) this.#drop(database);
        if (kind === "full") throw storageFull(error);
        if (this.#ended) throw storageLost(this.#ended, null, error);
        if (error instanceof DacapoError) throw error;
        if (kind === "newer-layout" || kind === "corrupt" || kind === "denied")
          throw storageLost(kind, named(error).message, error);
        const wait = REOPEN_WAITS_MS[attempt];
        if (wait === undefined) throw storageLost("unreachable", `${named(error).name} ${named(error).message}`, error);
        await new Promise<void>((resolve) => this.#options.timer(resolve, wait));
      }
    }
  }

  #open(): Promise<Database> {
    const opening = this.#openOnce();
    opening.catch(() => {
      if (this.#opening === opening) this.#opening = null;
    });
    return opening;
  }

  async #openOnce(): Promise<Database> {
    let blocked = false;
    let database: Database | null = null;
    if (!globalThis.indexedDB) throw new DOMException("there is no IndexedDB", "SecurityError");
    const opening = openDB<Layout>(this.#options.name, LAYOUT_VERSION, {
      upgrade: (made, old, _new, tx) => {
        // idb makes a promise for each transaction. Without a handler its rejection would be reported as unhandled.
        tx.done.catch(() => {});
        if (this.#clientId !== null) {
          this.#end(this.#goneBy);
          return tx.abort();
        }
        if (old > 0) {
          // If the upgrade fails, the open request fails too and reports the error.
          upgradeFrom1(tx).catch(() => abort(unwrap(tx)));
          return;
        }
        for (const store of STORE_NAMES) made.createObjectStore(store);
        put(
          tx,
          "meta",
          "head",
          headText({
            client: this.#options.newClientId(),
            generation: 0,
            rebuilds: 0,
            cursor: null,
            sealed: null,
            tailLength: 0,
            ended: [],
            dropped: null,
            base: null,
          }),
        );
      },
      blocked: () => void (blocked = true),
      blocking: (_old, newVersion) => {
        // Another tab deletes or upgrades the database, and must not wait for this tab.
        if (newVersion === DELETING) this.#goneBy = "deleted";
        if (newVersion === null) this.#end("deleted");
        else if (database) this.#drop(database);
      },
      terminated: () => database && this.#drop(database),
    });
    database = await this.#inTime(
      opening.catch((error: unknown) => finishDeletion(this.#options.name, error)),
      () => (blocked ? "blocked" : "unreachable"),
      (late) => late.close(),
    );
    try {
      const { client } = await readIn(database, ["meta"], readHead);
      this.#clientId ??= client;
      if (this.#clientId !== client) this.#end(this.#goneBy);
      if (this.#ended) throw storageLost(this.#ended);
      return (this.#current = database);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #drop(database: Database): void {
    if (this.#current === database) this.#current = this.#opening = null;
    database.close();
  }

  #end(reason: LostReason): void {
    this.#ended ??= reason;
    // A database that is still opening is closed by `#openOnce`, which reads `#ended`.
    this.#current?.close();
    this.#current = this.#opening = null;
  }

  /** Returns the value of a promise, or fails after `OPEN_MS_MAX`. A value that arrives later goes to `late`. */
  #inTime<T>(promise: Promise<T>, reason: () => LostReason, late: (value: T) => void = () => {}): Promise<T> {
    return new Promise((resolve, reject) => {
      let over = false;
      const cancel = this.#options.timer(() => {
        over = true;
        reject(storageLost(reason(), `no answer in ${OPEN_MS_MAX} ms`));
      }, OPEN_MS_MAX);
      const settle = (then: () => void) => {
        cancel();
        then();
      };
      promise.then(
        (value) => settle(() => (over ? late(value) : resolve(value))),
        (error: unknown) => settle(() => reject(error)),
      );
    });
  }
}
