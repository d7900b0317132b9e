/**
 * Stores that reach the same logs in other ways, so that the suite can run over them: reopened before each call, over
 * several connections in turn, or through another process.
 */
import { StorageLostError } from "../../core/values/errors.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import { modelsOf, sqlOf } from "../model-store/samples.ts";

/**
 * Returns a store that is closed and opened again for each call, so that data in memory is lost each time.
 *
 * @example
 * eventStoreConformance("reopened", () => reopenedEachCall(() => sqlite("logs.db")), { describe, it });
 */
export function reopenedEachCall(open: () => EventStore | Promise<EventStore>): EventStore {
  let waiting: Promise<unknown> = Promise.resolve();
  let closed = false;
  return storeThrough(
    (call) => {
      const answer = waiting.then(async () => {
        if (closed) throw new StorageLostError({ message: "The store is closed", fix: "Make a new store." });
        const store = await open();
        try {
          return await call(store);
        } finally {
          await store.close();
        }
      });
      waiting = answer.catch(() => {});
      return answer;
    },
    async () => {
      closed = true;
      await waiting;
    },
  );
}

/**
 * Returns a store that sends each call to the next of several stores over the same logs.
 *
 * @example
 * eventStoreConformance("two connections", () => inTurn([sqlite("logs.db"), sqlite("logs.db")]), { describe, it });
 */
export function inTurn(stores: readonly EventStore[]): EventStore {
  let next = 0;
  return storeThrough(
    async (call) => {
      const store = stores[next++ % stores.length];
      if (!store) throw new Error("inTurn has no store. Pass at least one.");
      return call(store);
    },
    async () => {
      for (const store of stores) await store.close();
    },
  );
}

/** Returns a store that passes each call on, for example into a Durable Object, a worker or another process. */
export function storeThrough(
  pass: <Answer>(call: (store: EventStore) => Promise<Answer>) => Promise<Answer>,
  close: () => Promise<void>,
): EventStore {
  return {
    head: (log) => pass((store) => store.head(log)),
    append: (log, append) => pass((store) => store.append(log, append)),
    read: (log, after, limit) => pass((store) => store.read(log, after, limit)),
    readStream: (log, stream, after, limit) => pass((store) => store.readStream(log, stream, after, limit)),
    written: (log, streams) => pass((store) => store.written(log, streams)),
    known: (log, commits) => pass((store) => store.known(log, commits)),
    drop: (log) => pass((store) => store.drop(log)),
    logs: () => pass((store) => store.logs()),
    droppedLogs: () => pass((store) => store.droppedLogs()),
    outcomes: (log, after, limit) => pass((store) => store.outcomes(log, after, limit)),
    rename: (log, to) => pass((store) => store.rename(log, to)),
    id: () => pass((store) => store.id()),
    adoptId: (id) => pass((store) => store.adoptId(id)),
    models: {
      followers: (log) => pass((store) => modelsOf(store).followers(log)),
      write: (log, write) => pass((store) => modelsOf(store).write(log, write)),
      rows: (log, follower, table, range) => pass((store) => modelsOf(store).rows(log, follower, table, range)),
      lease: (log, follower, holder, ms) => pass((store) => modelsOf(store).lease(log, follower, holder, ms)),
      sweep: (rowsMax) => pass((store) => modelsOf(store).sweep(rowsMax)),
      sql: {
        query: (log, follower, query, limit) => pass((store) => sqlOf(store).query(log, follower, query, limit)),
        keyColumns: (log, follower, table) => pass((store) => sqlOf(store).keyColumns(log, follower, table)),
        page: (log, follower, table, range) => pass((store) => sqlOf(store).page(log, follower, table, range)),
      },
      due: (followers, now, after, limit) => pass((store) => modelsOf(store).due(followers, now, after, limit)),
    },
    close,
  };
}
