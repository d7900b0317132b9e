// The store of a Durable Object and the rules of its port, in real workerd, also with an eviction after each call.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { durableObjectStore } from "../../src/sync-server/stores/durable-object.ts";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import layout2 from "../conformance/golden/sql-layout-2.sql?raw";
// Not imported from "dacapo/testing", because that entry includes the client with the DOM's types.
import { reopenedEachCall, storeThrough } from "../../src/testing/event-store/connections.ts";
import { ALL, write } from "../../src/testing/event-store/samples.ts";
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

it("durableObjectStore: an object of layout 2 keeps its log, and accepts the next append", async () => {
  await runInDurableObject(env.PLATFORM.getByName("layout 2"), async (_, { storage }) => {
    storage.sql.exec(layout2);
    const store = durableObjectStore(storage);
    const head = { position: 3, mark: "5be0417d29cc83fa" };
    expect(await store.head("team-7")).toEqual({ kind: "open", cursor: head });
    expect(await store.head("team-6")).toEqual({ kind: "gone" });
    await write(store, "team-7", head, { commit: 1 });
    const page = await store.read("team-7", null, ALL);
    expect(page.kind === "page" && page.records.map(({ position }) => position)).toEqual([1, 3, 4]);
    expect(await store.id()).toBe("6f2b8c31d04e97a5b1c2d3e4f5a60718");
  });
});
