/**
 * The domain of the followers' simulation in two releases: counters with poison, whose keys sort differently in UTF-8
 * and UTF-16. Only the second release knows the event `Doubled`. Both fold the other events in the same way, so they
 * share their rows.
 */
import { aggregate, defineDomain, projection } from "../../../../src/index.ts";
import * as v from "valibot";

/** Streams that the world writes. JavaScript sorts the last two the other way round. */
export const STREAMS = ["counter/a", "counter/b", "counter/c", "counter/\u{1F600}", "counter/\uFFFD"] as const;
/** A projection throws for this amount. */
export const POISON = 13;

type State = { readonly total: number };

const Counted = v.object({ by: v.number() });
const Doubled = v.object({});
const counted = ({ total }: State, { data }: { readonly data: { readonly by: number } }): State => ({
  total: total + data.by,
});

const parts = { version: 1, initial: { total: 0 } as State, commands: {} } as const;
const older = aggregate("counter", { ...parts, events: { Counted }, evolve: { Counted: counted } });
const newer = aggregate("counter", {
  ...parts,
  events: { Counted, Doubled },
  evolve: { Counted: counted, Doubled: ({ total }) => ({ total: total * 2 }) },
});

type Row = { readonly total: number; readonly events: number; readonly last: number };
type Event = { readonly data: { readonly by: number }; readonly before: State; readonly after: State };
const initial: Row = { total: 0, events: 0, last: 0 };

function countedInto(row: Row, { data, before, after }: Event): Row {
  if (data.by === POISON) throw new Error("This amount is poison");
  return { total: row.total + after.total - before.total, events: row.events + 1, last: data.by };
}

/** One row for each stream. */
const totals = {
  older: projection("totals", { version: 1, from: [older], initial, on: { Counted: countedInto } }),
  newer: projection("totals", {
    version: 1,
    from: [newer],
    initial,
    on: {
      Counted: countedInto,
      Doubled: (row, { before, after }) => ({ ...row, total: row.total + after.total - before.total }),
    },
  }),
};

/** Rows that many streams share. */
function kindsOf(counter: typeof older | typeof newer) {
  return projection("kinds", {
    version: 1,
    from: [counter],
    initial: { events: 0, sum: 0 },
    key: (event) => (event.type === "Counted" ? `by-${event.data.by % 3}` : []),
    on: { Counted: (row, { data, after }) => ({ events: row.events + 1, sum: row.sum + data.by + after.total }) },
  });
}

function releaseOf(version: number, counter: typeof older | typeof newer, ofTotals: typeof totals.older) {
  const models = [ofTotals, kindsOf(counter)];
  return { domain: defineDomain({ version, aggregates: [counter], projections: models }), models };
}

export type Release = ReturnType<typeof releaseOf>;
export const releases: readonly [Release, Release] = [
  releaseOf(1, older, totals.older),
  releaseOf(2, newer, totals.newer),
];
