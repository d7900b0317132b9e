// Strong read models beside a plain model: any commits in any batches of two nodes, with keepers and an old release.
import fc from "fast-check";
import { expect, test } from "vitest";
import { strong, syncServer, type SyncServer } from "../../../../src/sync-server/app.ts";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import { storeThrough } from "../../../../src/testing/event-store/connections.ts";
import { BREAKS, eventCounts, names, namesDomain, user } from "../../../support/names-domain.ts";
import { person, tokens } from "../../../support/sync-requests.ts";

const errors: unknown[] = [];
const models = [strong(names), strong(eventCounts)];

/** A node over a shared store. `isOld`: its release has no strong models. */
function node(store: EventStore, isOld = false): SyncServer {
  return syncServer({
    domain: namesDomain,
    store: storeThrough(
      (call) => call(store),
      () => Promise.resolve(),
    ),
    authorize: bearer({ tokens }),
    models: isOld ? [] : models,
    onError: (error) => errors.push(error),
    liveTicks: false,
  });
}

/** The plain model of a strong release: the user of each name, and the name of each user. */
class PlainNames {
  readonly users = new Map<string, string>();
  readonly names = new Map<string, string>();

  /** Returns the expected outcome. An old release checks nothing, and then the first user keeps the name. */
  take(id: string, name: string | null, isOld: boolean): string {
    const before = this.names.get(id);
    if (name === (before ?? null)) return "empty";
    if (!isOld && name === BREAKS) return "model-failed";
    const owner = name === null ? undefined : this.users.get(name);
    const isTaken = owner !== undefined && owner !== id;
    if (!isOld && isTaken) return "name-taken";
    if (name === null) this.names.delete(id);
    else this.names.set(id, name);
    // A parked event changes no row, whole. So a name that it left stays with its user.
    if (isTaken || name === BREAKS) return "recorded";
    if (before !== undefined) this.users.delete(before);
    if (name !== null) this.users.set(name, id);
    return "recorded";
  }
}

const change = fc.record({
  id: fc.constantFrom("u1", "u2", "u3", "u4"),
  name: fc.constantFrom("neo", "tank", "cypher", null, BREAKS),
});
const push = fc.record({
  by: fc.constantFrom("one", "two", "old"),
  changes: fc.array(change, { minLength: 1, maxLength: 6 }),
});

test("strong: records and rejects what a plain model does, and the rows are those of a keeper", async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(push, { minLength: 1, maxLength: 12 }), async (isOldFirst, pushes) => {
      const store = memory();
      const nodes = { one: node(store), two: node(store), old: node(store, true) };
      const plain = new PlainNames();
      // The models of a new log check the first commit. The models of an old log check commits once they are built.
      await (isOldFirst ? nodes.old : nodes.one).log("board").execute(user.command.name("first", { name: "first" }));
      plain.take("first", "first", isOldFirst);
      for (const model of [names, eventCounts]) await nodes.two.log("board").rows(model);
      for (const { by, changes } of pushes) {
        const ada = person(nodes[by], "ada");
        const commits = changes.map(({ id, name }) =>
          ada.commit({ ...(name === null ? user.command.leave(id) : user.command.name(id, { name })) }),
        );
        const expected = changes.map(({ id, name }) => plain.take(id, name, by === "old"));
        const outcomes = await ada.outcomes(...commits);
        expect(outcomes.map((one) => (one.outcome === "rejected" ? one.code : one.outcome))).toEqual(expected);
      }
      // The head is known only after a push of a node with strong models. So the rows are compared at its cursor.
      const log = nodes.one.log("board");
      const done = await log.execute(user.command.name("last", { name: "last" }));
      plain.take("last", "last", false);
      const { rows } = await log.rows(names, { at: done.at, waitMs: 0 });
      const expectedRows = new Map([...plain.users].map(([name, id]) => [name, `user/${id}`]));
      expect(new Map(rows.map(({ key, row }) => [key, row.user]))).toEqual(expectedRows);
      expect(await rebuilt(store)).toEqual(await kept(store));
      for (const one of Object.values(nodes)) await one.close();
    }),
    { numRuns: 60 },
  );
});

const FOLLOWERS = [names, eventCounts].map(({ name }) => `rows/${name}@1<user@1`);

/** All rows of the strong models. */
async function kept(store: EventStore) {
  const range = { from: null, to: null, after: null, limit: 1_000, bytes: 1_000_000 };
  return Promise.all(
    FOLLOWERS.map(async (follower) => {
      const page = await store.models?.rows("board", follower, "rows", range);
      return { follower, at: page?.follower.at, rows: page?.rows };
    }),
  );
}

/** The rows that keepers fold from the same records. */
async function rebuilt(store: EventStore) {
  const copy = memory();
  const { records, head } = await allRecords(store);
  await copy.append("board", {
    expected: null,
    records,
    outcomes: [],
    forgetOutcomesBefore: 0,
    outcomesPerActorMax: 10,
  });
  const keeper = node(copy);
  const at = head && `${head.position}-${head.mark}`;
  for (const model of [names, eventCounts]) await keeper.log("board").rows(model, { at });
  const rows = await kept(copy);
  await keeper.close();
  return rows;
}

async function allRecords(store: EventStore) {
  const page = await store.read("board", null, { events: 100_000, bytes: 100_000_000 });
  if (page.kind !== "page") throw new Error("The log cannot be read");
  return page;
}
