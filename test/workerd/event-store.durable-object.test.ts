// The store of a Durable Object and the rules of its port, in real workerd, also with an eviction after each call.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, it } from "vitest";
import { durableObjectStore } from "../../src/sync-server/stores/durable-object.ts";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
// Not imported from "dacapo/testing", because that entry includes the client with the DOM's types.
import { reopenedEachCall, storeThrough } from "../../src/testing/event-store/connections.ts";
import { eventStoreConformance } from "../../src/testing/event-store-conformance.ts";
import { modelStoreConformance } from "../../src/testing/model-store-conformance.ts";

const storesByObject = new WeakMap<object, EventStore>();
let objects = 0;

/** A store inside a Durable Object, called from outside. The object keeps it in memory until an eviction. */
function storeIn(name: string): EventStore {
  const call = <Answer>(ask: (store: EventStore) => Promise<Answer>): Promise<Answer> =>
    runInDurableObject(env.PLATFORM.getByName(name), (object, { storage }) => {
      const store = storesByObject.get(object) ?? durableObjectStore(storage);
      storesByObject.set(object, store);
      return ask(store);
    });
  return storeThrough(call, () => call((store) => store.close()));
}

for (const conformance of [eventStoreConformance, modelStoreConformance]) {
  conformance("durableObjectStore()", () => storeIn(`object ${++objects}`), { describe, it });
  conformance(
    "durableObjectStore() evicted after each call",
    () => {
      const name = `object ${++objects}`;
      const evicted = () => evictDurableObject(env.PLATFORM.getByName(name));
      return reopenedEachCall(() => ({ ...storeIn(name), close: evicted }));
    },
    { describe, it },
  );
}
