/**
 * The connection to one database: opened when it is needed, dropped when it died, opened again.
 *
 * Place: every operation of the store is one `run`.
 * Holds: an operation resolves only after its transaction is complete; one that met a dead connection is run again, from its beginning, a
 * bounded number of times; nothing waits without end. A handle stays with the database that it opened first: where the browser
 * deleted that one, it says so and never goes on in an empty one.
 *
 *   closed ──run──► opening ──► open ──onclose, versionchange, died──► closed
 *                      └── newer layout, blocked, replaced: a typed error
 */
import { deleteDB, type IDBPDatabase, openDB, unwrap, wrap } from "idb";
import { DacapoError } from "../../../core/values/errors.ts";
import type { Env } from "../../env/env.ts";
import { type LostReason, storageFull, storageLost } from "../storage-errors.ts";
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
import { upgradeFrom1 } from "./upgrade.ts";

/** Opening and deleting wait for other tabs to let go. One that is frozen never does. */
export const OPEN_MS_MAX = 10_000;
/** Waits before a connection that died is opened again. WebKit needs a moment to start its storage process. */
export const REOPEN_WAITS_MS: readonly number[] = [50, 400];

export type ConnectionOptions = {
  readonly name: string;
  readonly newClientId: () => string;
  readonly timer: Env["setTimer"];
};

type Database = IDBPDatabase<Layout>;

/** The result of a write that is to leave nothing behind: its transaction is aborted. */
export class Withdrawn<T> {
  readonly result: T;

  constructor(result: T) {
    this.result = result;
  }
}

export class Connection {
  readonly #options: ConnectionOptions;
  #opening: Promise<Database> | null = null;
  #current: Database | null = null;
  #ended: LostReason | null = null;
  #client: string | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
  }

  read<T>(stores: readonly StoreName[], work: (tx: ReadTransaction) => Promise<T>): Promise<T> {
    return this.#run((database) => readIn(database, stores, work));
  }

  /** The same without idb's wrapping, which costs a tenth of a small write. What `work` gives as `Withdrawn` leaves nothing behind. */
  writeBare<T>(
    stores: readonly StoreName[],
    durability: "strict" | "relaxed",
    work: (tx: IDBTransaction) => Promise<T | Withdrawn<T>>,
  ): Promise<T> {
    return this.#run((database) => writeIn(database, stores, durability, work));
  }

  /** Run again where a connection died, which does not always tell whether this work came to its end on it. */
  write<T>(
    stores: readonly StoreName[],
    durability: "strict" | "relaxed",
    work: (tx: WriteTransaction) => Promise<T>,
  ): Promise<T> {
    return this.#run((database) => writeIn(database, stores, durability, (tx) => work(wrapped(tx))));
  }

  close(): void {
    this.#end("closed");
  }

  async destroy(): Promise<void> {
    this.#end("deleted");
    try {
      await this.#inTime(deleteDB(this.#options.name), () => "blocked");
    } catch (error) {
      throw error instanceof DacapoError ? error : storageLost("unreachable", named(error).message, error);
    }
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
        if (kind === "newer-layout" || kind === "corrupt") throw storageLost(kind, named(error).message, error);
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
    const opening = openDB<Layout>(this.#options.name, LAYOUT_VERSION, {
      upgrade: (made, old, _new, tx) => {
        // idb makes a promise of each transaction's end; nobody else listens to this one.
        tx.done.catch(() => {});
        if (this.#client !== null) {
          this.#end("replaced");
          return tx.abort();
        }
        if (old > 0) {
          // Where it fails, so does the opening, which tells.
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
            cursor: null,
            sealed: null,
            tailLength: 0,
            ended: [],
            dropped: null,
          }),
        );
      },
      blocked: () => void (blocked = true),
      blocking: (_old, newVersion) => {
        // Another tab deletes or upgrades: it must not wait for this one.
        if (newVersion === null) this.#end("deleted");
        else if (database) this.#drop(database);
      },
      terminated: () => database && this.#drop(database),
    });
    database = await this.#inTime(
      opening,
      () => (blocked ? "blocked" : "unreachable"),
      (late) => late.close(),
    );
    try {
      const { client } = await readIn(database, ["meta"], readHead);
      this.#client ??= client;
      if (this.#client !== client) this.#end("replaced");
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
    // One that is just opening closes itself when it sees this.
    this.#current?.close();
    this.#current = this.#opening = null;
  }

  /** What a promise gives, or an error when it takes too long; what comes later is handed to `late`. */
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

async function readIn<T>(
  database: Database,
  stores: readonly StoreName[],
  work: (tx: ReadTransaction) => Promise<T>,
): Promise<T> {
  const tx = database.transaction([...stores], "readonly");
  tx.done.catch(() => {});
  return await work(tx);
}

async function writeIn<T>(
  database: Database,
  stores: readonly StoreName[],
  durability: "strict" | "relaxed",
  work: (tx: IDBTransaction) => Promise<T | Withdrawn<T>>,
): Promise<T> {
  const bare = unwrap(database).transaction([...stores], "readwrite", { durability });
  let failed: DOMException | null = null;
  bare.addEventListener("error", ({ target }) => {
    const error = target instanceof IDBRequest ? target.error : null;
    if (error?.name !== "AbortError") failed ??= error;
  });
  // What the transaction tells, or what befell a request: Firefox tells only that it was aborted where one failed after an early commit.
  const reason = () =>
    failed !== null && (bare.error === null || bare.error.name === "AbortError") ? failed : bare.error;
  // Not idb's `done`: that one rejects at the request's error, before the transaction has its own, which tells that the disk is full.
  const ended = new Promise<void>((resolve, reject) => {
    bare.addEventListener("complete", () => (failed ? reject(failed) : resolve()));
    bare.addEventListener("abort", () =>
      reject(reason() ?? new DOMException("The transaction was aborted", "AbortError")),
    );
  });
  ended.catch(() => {});
  try {
    const result = await work(bare);
    if (result instanceof Withdrawn) {
      abort(bare);
      await ended.catch(() => {});
      return result.result;
    }
    await ended;
    return result;
  } catch (error) {
    abort(bare);
    throw reason() ?? error;
  }
}

function wrapped(bare: IDBTransaction): WriteTransaction {
  // idb's types do not tell which stores a transaction was opened on; `work` asks for those that it named.
  const tx = wrap(bare) as unknown as WriteTransaction;
  tx.done.catch(() => {});
  return tx;
}

/**
 * Saves the browser a round trip: it need not ask whether more requests come (0.25 ms of 1.4 in Chromium). Only where one request at most
 * writes: of those that fail after this, Firefox heeds the last one alone, and commits what the others wrote.
 */
export function commitEarly(tx: IDBTransaction): void {
  try {
    tx.commit();
  } catch {
    // It has ended by itself, well or not; its event tells.
  }
}

function abort(tx: IDBTransaction): void {
  try {
    tx.abort();
  } catch {
    // It is over.
  }
}
