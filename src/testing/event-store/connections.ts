/**
 * Other ways to reach the same logs, so that the whole suite can be run over them: opened anew before each call, over
 * several connections in turn, or from outside of where they are.
 */
import { StorageLostError } from "../../core/values/errors.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";

/** A store that is closed and opened again before each call: what is only in memory is lost each time. */
export function reopenedEachCall(open: () => EventStore | Promise<EventStore>): EventStore {
  let waiting: Promise<unknown> = Promise.resolve();
  let closed = false;
  return storeThrough(
    (call) => {
      const answer = waiting.then(async () => {
        if (closed) throw new StorageLostError({ message: "The store was closed", fix: "Make a new one." });
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

/** Several stores over the same logs; each call goes to the next. */
export function inTurn(stores: readonly EventStore[]): EventStore {
  let next = 0;
  return storeThrough(
    async (call) => {
      const store = stores[next++ % stores.length];
      if (!store) throw new Error("No store to ask");
      return call(store);
    },
    async () => {
      for (const store of stores) await store.close();
    },
  );
}

/** A store each of whose calls is passed on: into a Durable Object, a worker, another process. */
export function storeThrough(
  pass: <Answer>(call: (store: EventStore) => Promise<Answer>) => Promise<Answer>,
  close: () => Promise<void>,
): EventStore {
  return {
    head: (log) => pass((store) => store.head(log)),
    append: (log, append) => pass((store) => store.append(log, append)),
    read: (log, after, limit) => pass((store) => store.read(log, after, limit)),
    readStream: (log, stream, after, limit) => pass((store) => store.readStream(log, stream, after, limit)),
    known: (log, commits) => pass((store) => store.known(log, commits)),
    drop: (log) => pass((store) => store.drop(log)),
    logs: () => pass((store) => store.logs()),
    close,
  };
}
