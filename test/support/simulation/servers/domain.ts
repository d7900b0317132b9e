/**
 * The domain of the simulated servers, in two releases.
 *
 * - `counter`: its events contain what the server decided on, and its strong models refuse a name that is taken.
 * - `job`: its process manager acknowledges each job, reminds of it by timers, and ends it by a timer.
 * - `audit`: its events show how often a subscriber's command was recorded.
 */
import * as v from "valibot";
import { aggregate, defineDomain, projection, veto } from "../../../../src/index.ts";
import { strong } from "../../../../src/sync-server/app.ts";

export const COUNTERS = ["a", "b", "c", "d"] as const;
/** Keys of rows by counter. JavaScript sorts the last two the other way round. */
const KEYS: Readonly<Record<string, string>> = { "counter/c": "\u{1F600}", "counter/d": "\uFFFD" };
/** The key of a counter's row. */
export const keyOf = (stream: string): string => KEYS[stream] ?? stream;
export const NAMES = ["neo", "trinity"] as const;
/** The model `kinds` throws for this amount. */
export const POISON = 13;

/** The events of a long commit that a subscriber handles. */
const HANDLED = 2;

const Started = v.object({
  ms: v.number(),
  refuses: v.boolean(),
  isPoison: v.boolean(),
  /** Milliseconds until each reminder. */
  reminders: v.optional(v.array(v.number())),
});

/** The changes of the second release. */
export type Changes = { readonly fold: boolean; readonly process: boolean };
export type Release = ReturnType<typeof releaseOf>;

/** `fold`: the factor by which this release adds amounts. Its states differ from those of another factor. */
export function releaseOf(fold: number, process: number) {
  const counter = aggregate("counter", {
    version: fold,
    initial: { total: 0, name: null } as { readonly total: number; readonly name: string | null },
    events: {
      Counted: v.object({ by: v.number(), seen: v.number(), fold: v.number() }),
      Padded: v.object({ by: v.number(), seen: v.number(), fold: v.number() }),
      Named: v.object({ name: v.string() }),
    },
    evolve: {
      Counted: (state, { data }) => ({ ...state, total: state.total + data.by * fold }),
      Padded: (state, { data }) => ({ ...state, total: state.total + data.by * fold }),
      Named: (state, { data }) => ({ ...state, name: data.name }),
    },
    commands: {
      // A long commit pads its stream for a snapshot. A handler for each of its events would take most of the time.
      add: {
        input: v.object({ by: v.number(), times: v.number() }),
        decide: ({ total }, { by, times }, { emit }) =>
          Array.from({ length: times }, (_, n) => emit(n < HANDLED ? "Counted" : "Padded", { by, seen: total, fold })),
      },
      name: {
        input: v.object({ name: v.string() }),
        decide: ({ name }, input, { emit }) => (name === input.name ? [] : emit("Named", input)),
      },
    },
  });

  const job = aggregate("job", {
    version: 1,
    initial: null as { readonly isOver: boolean; readonly refuses: boolean } | null,
    events: {
      Started,
      Acknowledged: v.object({}),
      Reminded: v.object({ n: v.number() }),
      Answered: v.object({ to: v.string() }),
      Finished: v.object({}),
      Expired: v.object({}),
    },
    evolve: {
      Started: (_, { data }) => ({ isOver: false, refuses: data.refuses }),
      Acknowledged: (state) => state,
      Reminded: (state) => state,
      Answered: (state) => state,
      Finished: (state) => state && { ...state, isOver: true },
      Expired: (state) => state && { ...state, isOver: true },
    },
    commands: {
      start: {
        input: Started,
        decide: (state, input, { emit }) => (state ? [] : emit("Started", input)),
      },
      // None checks whether it was done before, so that a second execution shows.
      remind: { input: v.object({ n: v.number() }), decide: (_, input, { emit }) => emit("Reminded", input) },
      acknowledge: {
        decide: (state, _, { emit, reject }) => (state?.refuses === true ? reject("refused") : emit("Acknowledged")),
      },
      answer: { input: v.object({ to: v.string() }), decide: (_, input, { emit }) => emit("Answered", input) },
      finish: { decide: (state, _, { emit }) => (state && !state.isOver ? emit("Finished") : []) },
      expire: { decide: (state, _, { emit }) => (state && !state.isOver ? emit("Expired") : []) },
    },
  });

  const audit = aggregate("audit", {
    version: 1,
    initial: 0,
    events: { Noted: v.object({ event: v.string() }) },
    evolve: { Noted: (count) => count + 1 },
    commands: {
      note: { input: v.object({ event: v.string() }), decide: (_, input, { emit }) => emit("Noted", input) },
    },
  });

  /** Strong. It is folded before `names`, so that a veto of `names` must undo it. */
  const tally = projection("tally", {
    version: 1,
    from: [counter],
    initial: { counted: 0, named: 0, totals: 0 },
    key: (event) => (event.type === "Named" ? "named" : `by-${event.data.by % 2}`),
    on: {
      Counted: (row, { after }) => ({ ...row, counted: row.counted + 1, totals: row.totals + after.total }),
      Named: (row) => ({ ...row, named: row.named + 1 }),
    },
  });

  /** Strong. It refuses a name of another counter. */
  const names = projection("names", {
    version: 1,
    from: [counter],
    initial: null as { readonly owner: string } | null,
    key: (_, { before, after }) => [before.name, after.name],
    on: {
      Named: (row, { key, stream, after }) => {
        if (key !== after.name) return row?.owner === stream ? null : row;
        return row && row.owner !== stream ? veto("name-taken", "This name is taken") : { owner: stream };
      },
    },
  });

  const totals = projection("totals", {
    version: 1,
    from: [counter],
    initial: { total: 0, events: 0 },
    key: ({ stream }) => keyOf(stream),
    on: {
      Counted: (row, { data, after }) => {
        if (data.by === POISON) throw new Error("This amount is poison");
        return { total: after.total, events: row.events + 1 };
      },
    },
  });

  const domain = defineDomain({
    version: 1,
    aggregates: [counter, job, audit],
    projections: [tally, names, totals],
  });
  return { fold, process, domain, counter, job, audit, totals, models: [strong(tally), strong(names), totals] };
}

/** The release of a node before or after the change. */
export function releasesOf({ fold, process }: Changes): readonly [Release, Release] {
  return [releaseOf(1, 1), releaseOf(fold ? 2 : 1, process ? 2 : 1)];
}
