/**
 * The log store in the browser: one IndexedDB database for a log and a user.
 *
 * Place: the worker opens it; every tab of the browser has its own handle on the same database. Each operation is a file in `idb/`.
 * Holds: what is pending is written `strict`, since it is the only copy of a person's work; everything else `relaxed`, since the server
 * has it too. Each write is one transaction; nothing but requests is awaited inside.
 */
import type { Env } from "../../env/env.ts";
import { Connection } from "./connection.ts";
import { appendPending } from "./append-pending.ts";
import { confirm, CONFIRM_STORES } from "./confirm.ts";
import { cutBack, CUT_BACK_STORES } from "./cut-back.ts";
import { fillEmpty, FILL_STORES } from "./fill-empty.ts";
import { databaseName, readHead, remove } from "./layout.ts";
import { readRejections, readSent } from "./read-entries.ts";
import { refresh, REFRESH_STORES } from "./refresh.ts";
import { seal } from "./seal.ts";
import { readRows, ROWS_STORES, writeRows } from "./row-buckets.ts";
import { TailLease, type LeaseLocks } from "./tail-lease.ts";
import type { LogStore, StoreHead } from "../log-store.ts";

export type IdbLogStoreOptions = {
  readonly log: string;
  readonly user: string;
  /** Called once, when the database is made. */
  readonly newClientId: () => string;
  /** For waits before a lost connection is opened again, and for the bound on opening. Default: `setTimeout`. */
  readonly timer?: Env["setTimer"];
  /** Through which tabs tell each other which rows they need. Default: the browser's; null where there are none. */
  readonly locks?: LeaseLocks | null;
};

/**
 * Opens the stored log of a user, and makes it where there is none.
 *
 * @example
 * const store = await openIdbLogStore({ log: "team", user: "ada", newClientId: () => crypto.randomUUID() });
 */
export async function openIdbLogStore({
  log,
  user,
  newClientId,
  timer = browserTimer,
  locks = browserLocks(),
}: IdbLogStoreOptions): Promise<LogStore> {
  const name = databaseName(log, user);
  const connection = new Connection({ name, newClientId, timer });
  const place = new TailLease(name, locks, timer);
  const sawIn = <Head extends Pick<StoreHead, "pendingTail"> | null>(head: Head): Head => {
    if (head) place.saw(head.pendingTail);
    return head;
  };
  const store: LogStore = {
    head: () =>
      connection.read(["meta", "pending"], async (tx) => {
        const [{ client, generation, cursor, dropped }, last] = await Promise.all([
          readHead(tx),
          tx.objectStore("pending").openKeyCursor(null, "prev"),
        ]);
        return sawIn({ client, generation, cursor, dropped, pendingTail: last?.key ?? 0 });
      }),
    refresh: async (known) => {
      const read = await connection.read(REFRESH_STORES, (tx) => refresh(tx, known));
      sawIn(read.head);
      return read;
    },
    appendPending: (tail, entries, endRejections) => appendPending(connection, place, tail, entries, endRejections),
    removeRejections: (ids) =>
      connection.write(["rejections"], "relaxed", async (tx) => {
        for (const id of ids) remove(tx, "rejections", id);
      }),
    readRejections: () => connection.read(["rejections"], readRejections),
    readSent: (numbers) => connection.read(["sent"], (tx) => readSent(tx, numbers)),
    confirm: (expected, confirmation) => {
      const sweepable = place.sweepable();
      return connection.write(CONFIRM_STORES, "relaxed", (tx) => confirm(tx, expected, confirmation, sweepable));
    },
    cutBack: async (expected, keep, pending, dropped) =>
      sawIn(await connection.write(CUT_BACK_STORES, "strict", (tx) => cutBack(tx, expected, keep, pending, dropped))),
    fill: (expected, filling) => connection.write(FILL_STORES, "strict", (tx) => fillEmpty(tx, expected, filling)),
    readRows: () => connection.read(ROWS_STORES, readRows),
    writeRows: (expected, rows, fresh) =>
      connection.write(ROWS_STORES, "relaxed", (tx) => writeRows(tx, expected, rows, fresh)),
    seal: () => seal(connection),
    close: () => {
      place.close();
      connection.close();
    },
    destroy: () => {
      place.close();
      return connection.destroy();
    },
  };
  try {
    await store.head();
    // What ended all at once before it was closed may be many rows: they go with the first confirmation.
    place.ask();
  } catch (error) {
    store.close();
    throw error;
  }
  return store;
}

function browserLocks(): LeaseLocks | null {
  return globalThis.navigator?.locks ?? null;
}

const browserTimer: Env["setTimer"] = (run, delayMs) => {
  const timer = setTimeout(run, delayMs);
  return () => clearTimeout(timer);
};
