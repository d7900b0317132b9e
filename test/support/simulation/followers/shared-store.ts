/** The store that the nodes of the followers' simulation share, with slow and failing calls. */
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import type { ModelStore, ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import type { Owner, Scheduler } from "../../../../src/testing/simulate/scheduler.ts";

/** Changes the model store of a node, for a planted fault. */
export type ChangeModelStore = (store: ModelStore) => Partial<ModelStore>;

/** A fault that a test plants in the store of each node, or in the code of the product. */
export type PlantedFault = {
  readonly models?: ChangeModelStore;
  readonly append?: (store: EventStore) => EventStore["append"];
  readonly read?: (store: EventStore) => EventStore["read"];
  /** Changes code while a world runs. Returns a function that undoes it. */
  readonly code?: () => () => void;
};
export const NO_FAULT: PlantedFault = {};

export type StoreFaults = {
  readonly failure: number;
  readonly leaseSkew: boolean;
  readonly slowness: number;
  /** The events of a page at most, so that a short log has many pages. Absent: as many as the caller wants. */
  readonly pageEvents?: number;
};

type Lease = { readonly holder: string; readonly until: number };

/** Returns the store with a witness of each model write, in the order of the store. */
export function observed(inner: EventStore, written: (write: ModelWrite) => void): EventStore {
  const through = storeThrough(
    (call) => call(inner),
    async () => {},
  );
  const { models } = through;
  if (!models) throw new Error("The store has no models. Use a store with models.");
  return {
    ...through,
    models: {
      ...models,
      write: async (log, write) => {
        const result = await models.write(log, write);
        if (result.kind === "ok") written(write);
        return result;
      },
    },
  };
}

/** Returns the store as one node uses it. */
export function storeOfNode(
  inner: EventStore,
  owner: Owner,
  scheduler: Scheduler,
  leases: Map<string, Lease>,
  faults: StoreFaults,
  planted: PlantedFault,
): EventStore {
  const step = async <T>(run: () => Promise<T>): Promise<T> => {
    await scheduler.wait(owner, "db", scheduler.random.below(faults.slowness));
    if (scheduler.random.chance(faults.failure)) throw new Error("the database failed");
    const result = await run();
    await scheduler.wait(owner, "db done", 0);
    if (scheduler.random.chance(faults.failure)) throw new Error("the database's connection was lost");
    return result;
  };
  const raw = inner.models;
  if (!raw) throw new Error("The store has no models. Use a store with models.");
  const plain: ModelStore = {
    followers: (log) => raw.followers(log),
    write: (log, write) => raw.write(log, write),
    rows: (log, follower, table, range) => raw.rows(log, follower, table, range),
    lease: async (log, follower, holder, ms) => {
      const key = `${log} ${follower}`;
      const held = leases.get(key);
      const isTaken = held !== undefined && held.holder !== holder && held.until > scheduler.now;
      if (isTaken && !faults.leaseSkew) return false;
      if (!isTaken || ms > 0) leases.set(key, { holder, until: scheduler.now + ms });
      return true;
    },
    sweep: (rowsMax) => raw.sweep(rowsMax),
    due: (followers, now, after, limit) => raw.due(followers, now, after, limit),
  };
  const wrong: ModelStore = { ...plain, ...planted.models?.(plain) };
  const append = planted.append?.(inner);
  const plainRead: EventStore["read"] = (log, after, limit) => inner.read(log, after, limit);
  const read = planted.read?.(inner) ?? plainRead;
  const { pageEvents = Infinity } = faults;
  return {
    ...storeThrough(
      (call) => step(() => call(inner)),
      async () => {},
    ),
    read: (log, after, limit) => step(() => read(log, after, { ...limit, events: Math.min(limit.events, pageEvents) })),
    ...(append && { append: (log, batch) => step(() => append(log, batch)) }),
    models: {
      followers: (log) => step(() => wrong.followers(log)),
      write: (log, write) => step(() => wrong.write(log, write)),
      rows: (log, follower, table, range) => step(() => wrong.rows(log, follower, table, range)),
      lease: (log, follower, holder, ms) => step(() => wrong.lease(log, follower, holder, ms)),
      sweep: (rowsMax) => step(() => wrong.sweep(rowsMax)),
      due: (followers, now, after, limit) => step(() => wrong.due(followers, now, after, limit)),
    },
  };
}
