/** The domain of the followers' simulation: counters whose keys sort differently in UTF-8 and UTF-16, and poison. */
import { aggregate, defineDomain, projection } from "../../../../src/index.ts";
import * as v from "valibot";

/** Streams that the world writes. JavaScript sorts the last two the other way round. */
export const STREAMS = ["counter/a", "counter/b", "counter/c", "counter/\u{1F600}", "counter/\uFFFD"] as const;
/** A projection throws for this amount. */
export const POISON = 13;

type State = { readonly total: number };

const counter = aggregate("counter", {
  version: 1,
  initial: { total: 0 } as State,
  events: { Counted: v.object({ by: v.number() }) },
  evolve: { Counted: ({ total }, { data }) => ({ total: total + data.by }) },
  commands: {},
});

/** One row for each stream. */
const totals = projection("totals", {
  version: 1,
  from: [counter],
  initial: { total: 0, events: 0, last: 0 },
  on: {
    Counted: (row, { data, before, after }) => {
      if (data.by === POISON) throw new Error("This amount is poison");
      return { total: row.total + after.total - before.total, events: row.events + 1, last: data.by };
    },
  },
});

/** Rows that many streams share. */
const kinds = projection("kinds", {
  version: 1,
  from: [counter],
  initial: { events: 0, sum: 0 },
  key: (event) => `by-${event.data.by % 3}`,
  on: { Counted: (row, { data, after }) => ({ events: row.events + 1, sum: row.sum + data.by + after.total }) },
});

export const domain = defineDomain({ version: 1, aggregates: [counter], projections: [totals, kinds] });
export const models = [totals, kinds];
