// Rows are right, although the appends of strong models write no states of streams.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type ServerModel, strong, syncServer } from "../../../../src/sync-server/app.ts";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { eventCounts, names, namesDomain, user } from "../../../support/names-domain.ts";
import { tokens } from "../../../support/sync-requests.ts";

const change = fc.record({
  id: fc.constantFrom("u1", "u2", "u3"),
  name: fc.constantFrom("neo", "tank", "mouse", null),
  by: fc.constantFrom("strong", "async"),
});

/** A node over a shared store. */
function node(store: EventStore, models: readonly ServerModel[]) {
  const server = syncServer({
    domain: namesDomain,
    store: storeThrough(
      (call) => call(store),
      () => Promise.resolve(),
    ),
    authorize: bearer({ tokens }),
    models,
    liveTicks: false,
  });
  return { server, log: server.log("board") };
}

async function readAll(store: EventStore, model: typeof names | typeof eventCounts) {
  const range = { from: null, to: null, after: null, limit: 100, bytes: 100_000 };
  return (await store.models?.rows("board", `rows/${model.name}@1<user@1`, "rows", range))?.rows;
}

test("readStates: rows are right if appends without states and keepers move them in turns", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 2, maxLength: 14 }), async (changes) => {
      const [store, plain] = [memory(), memory()];
      for (const { id, name, by } of changes) {
        const command = name === null ? user.command.leave(id) : user.command.name(id, { name });
        const models = [names, eventCounts];
        const { server, log } = node(store, by === "strong" ? models.map((model) => strong(model)) : models);
        // A name that is taken is rejected by the strong model. The plain log records what this one has recorded.
        const done = await log.execute(command).catch(() => null);
        if (done) for (const model of models) await log.rows(model, { at: done.at });
        await server.close();
        if (!done || done.outcome === "empty") continue;
        const other = node(plain, []);
        await other.log.execute(command);
        await other.server.close();
      }
      const keeper = node(plain, [names, eventCounts]);
      for (const model of [names, eventCounts]) {
        await keeper.log.rows(model);
        expect(await readAll(store, model)).toEqual(await readAll(plain, model));
      }
      await keeper.server.close();
    }),
    { numRuns: 40 },
  );
});
