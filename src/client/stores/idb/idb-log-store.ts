/**
 * The log store in the browser, one IndexedDB database for each log and user.
 *
 * Place: the worker opens it. Every tab of the browser has its own handle on the same database.
 * Each operation is a file in this folder.
 *
 * Guarantees:
 * - Each write that adds pending commits (`appendPending`, `cutBack`, `fill`) has the durability `strict`, because it
 *   stores the only copy of a person's work. So have `join`, and `replaceRows`, because a rebuild ends with it. All
 *   other writes are `relaxed`. A power cut may lose the last of them, and their commits are then settled again
 *   (test/unit/client/stores/idb-log-store.faults.test.ts).
 * - Each write is one transaction that awaits only its own requests, because a browser ends an idle transaction.
 */
import { browserEnv } from "../../env/browser-env.ts";
import type { Env } from "../../env/env.ts";
import { Connection } from "./connection.ts";
import { appendPending } from "./append-pending.ts";
import { confirm, CONFIRM_STORES } from "./confirm.ts";
import { cutBack, CUT_BACK_STORES } from "./cut-back.ts";
import { requestResult } from "./delete-database.ts";
import { fillEmpty, FILL_STORES } from "./fill-empty.ts";
import { join, JOIN_STORES } from "./join.ts";
import { parseHead, put, readHead, type ReadTransaction, remove } from "./layout.ts";
import { readRejections, readSent } from "./read-entries.ts";
import { refresh, REFRESH_STORES } from "./refresh.ts";
import { seal } from "./seal.ts";
import { readRows, replaceRows, ROWS_STORES, writeRows } from "./row-buckets.ts";
import { TailLease, type LeaseLocks } from "./tail-lease.ts";
import { databaseName } from "../database-name.ts";
import { type ExpectedHead, isUnmoved, type LogStore, type StoreHead } from "../log-store.ts";

export type IdbLogStoreOptions = {
  readonly log: string;
  readonly user: string;
  /** As in `OpenLogOptions`. @default null */
  readonly namespace?: string | null | undefined;
  /** Called when a new database is made. */
  readonly newClientId: () => string;
  /**
   * Runs the waits before a dead connection is opened again, the time limit for opening, and the end of an idle lease.
   * @default setTimeout
   */
  readonly timer?: Env["setTimer"];
  /**
   * Web Locks for leases (tail-lease.ts). Null if there are none.
   * @default navigator.locks
   */
  readonly locks?: LeaseLocks | null;
};

/**
 * Opens the stored log of a user, and makes it if there is none.
 *
 * @example
 * const store = await openIdbLogStore({ log: "team", user: "ada", newClientId: randomId });
 */
export async function openIdbLogStore({
  log,
  user,
  namespace = null,
  newClientId,
  timer = browserEnv.setTimer,
  locks = browserLocks(),
}: IdbLogStoreOptions): Promise<LogStore> {
  const name = databaseName(log, user, namespace);
  const connection = new Connection({ name, newClientId, timer });
  const lease = new TailLease(name, locks, timer);
  const observed = <Head extends Pick<StoreHead, "pendingTail"> | null>(head: Head): Head => {
    if (head) lease.observeTail(head.pendingTail);
    return head;
  };
  const store: LogStore = {
    head: () =>
      connection.read(["meta", "pending"], async (tx) => {
        const [{ client, generation, rebuilds, cursor, dropped }, last] = await Promise.all([
          readHead(tx),
          tx.objectStore("pending").openKeyCursor(null, "prev"),
        ]);
        return observed({ client, generation, rebuilds, cursor, droppedEnd: dropped, pendingTail: last?.key ?? 0 });
      }),
    refresh: async (known) => {
      const read = await connection.read(REFRESH_STORES, (tx) => refresh(tx, known));
      observed(read.head);
      return read;
    },
    appendPending: (tail, entries, endRejections) => appendPending(connection, lease, tail, entries, endRejections),
    removeRejections: (ids) =>
      connection.write(["rejections"], "relaxed", async (tx) => {
        for (const id of ids) remove(tx, "rejections", id);
      }),
    readRejections: () => connection.read(["rejections"], readRejections),
    readSent: (numbers) => connection.read(["sent"], (tx) => readSent(tx, numbers)),
    confirm: (expected, confirmation) => {
      const upTo = lease.reclaimableUpTo();
      return connection.write(CONFIRM_STORES, "relaxed", (tx) => confirm(tx, expected, confirmation, upTo));
    },
    cutBack: async (expected, keep, pending, droppedEnd) =>
      observed(
        await connection.write(CUT_BACK_STORES, "strict", (tx) => cutBack(tx, expected, keep, pending, droppedEnd)),
      ),
    fill: (expected, filling) => connection.write(FILL_STORES, "strict", (tx) => fillEmpty(tx, expected, filling)),
    join: (expected, base) => connection.write(JOIN_STORES, "strict", (tx) => join(tx, expected, base)),
    readRows: () => connection.read(ROWS_STORES, readRows),
    writeRows: (...facts) => connection.write(ROWS_STORES, "relaxed", (tx) => writeRows(tx, ...facts)),
    replaceRows: (...facts) => connection.write(ROWS_STORES, "strict", (tx) => replaceRows(tx, ...facts)),
    seal: () => seal(connection),
    readServer: () => connection.read(["meta"], readServer),
    setServer: (expected, id) =>
      connection.write(["meta"], "relaxed", async (tx) => {
        const stored = await readServer(tx);
        if (stored !== expected) return stored;
        put(tx, "meta", "server", id);
        return id;
      }),
    close: () => {
      lease.close();
      connection.close();
    },
    destroy: async (expected) => {
      if (!expected) lease.close();
      const isDeleted = await connection.destroy(expected && ((tx) => isAt(tx, expected)));
      if (isDeleted) lease.close();
      return isDeleted;
    },
  };
  try {
    await store.head();
    // Many commits may have settled just before the last close. Read the list of leases now, so that the first
    // confirmation knows which rows it may remove.
    lease.queryHeldTails();
  } catch (error) {
    store.close();
    throw error;
  }
  return store;
}

async function readServer(tx: ReadTransaction): Promise<string | null> {
  return (await tx.objectStore("meta").get("server")) ?? null;
}

async function isAt(tx: IDBTransaction, expected: ExpectedHead): Promise<boolean> {
  const [stored, numbers] = await Promise.all([
    requestResult<unknown>(tx.objectStore("meta").get("head")),
    requestResult(tx.objectStore("pending").getAllKeys()),
  ]);
  return isUnmoved({ ...parseHead(stored), pendingTail: Number(numbers.at(-1) ?? 0) }, expected);
}

function browserLocks(): LeaseLocks | null {
  return globalThis.navigator?.locks ?? null;
}
