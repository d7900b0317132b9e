/** Users with unique names: the strong model `names` refuses a name that another user has. */
import * as v from "valibot";
import { aggregate, defineDomain, projection, veto } from "../../src/index.ts";

/** A user of this name breaks the handler of `names`. */
export const BREAKS = "poison";

export const user = aggregate("user", {
  version: 1,
  initial: null as { name: string } | null,
  events: { UserNamed: v.object({ name: v.string() }), UserLeft: v.object({}) },
  evolve: { UserNamed: (_, { data }) => data, UserLeft: () => null },
  commands: {
    name: {
      input: v.object({ name: v.string() }),
      decide: (state, input, { emit }) => (state?.name === input.name ? [] : emit("UserNamed", input)),
    },
    leave: { decide: (state, _, { emit }) => (state ? emit("UserLeft", {}) : []) },
  },
});

type NameRow = { readonly user: string } | null;

function take(
  row: NameRow,
  { key, stream, after }: { key: string; stream: string; after: { name: string } | null },
): NameRow {
  if (key !== after?.name) return null;
  if (key === BREAKS) throw new Error("the handler is broken");
  return row && row.user !== stream ? veto("name-taken", "This name is taken") : { user: stream };
}

export const names = projection("names", {
  version: 1,
  from: [user],
  initial: null as NameRow,
  key: (_, { before, after }) => [before?.name, after?.name],
  on: { UserNamed: take, UserLeft: take },
});

/** The number of events of each user: a second model, so that a veto must undo both. */
export const eventCounts = projection("event-counts", {
  version: 1,
  from: [user],
  initial: 0,
  on: { UserNamed: (count) => count + 1, UserLeft: (count) => count + 1 },
});

export const namesDomain = defineDomain({ version: 1, aggregates: [user] });
/** The domain of a device that shows the names too. */
export const namesOnDevices = defineDomain({ version: 1, aggregates: [user], projections: [names] });
