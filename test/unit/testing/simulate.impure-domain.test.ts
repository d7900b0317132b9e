// A domain with chance of its own: the report says so, and keeps the problem that the first run found.
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import { expect, test } from "vitest";
import type { CommandMaker } from "../../../src/testing/simulate/options.ts";
import { describeBroken, runSeeds, simulate, SimulationError } from "../../../src/testing/simulate/simulate.ts";
import { containing } from "../../support/matchers.ts";

let calls = 0;

/** Each call of `evolve` returns another state, as with a counter outside of the domain. */
const counter = aggregate("counter", {
  version: 1,
  initial: 0,
  events: { Added: v.object({ by: v.number() }) },
  evolve: { Added: (total, { data }) => total + data.by + (calls++ % 7) },
  commands: {
    add: {
      input: v.object({ by: v.number() }),
      decide: (_, input, { emit, reject }) => (input.by < 0 ? reject("negative") : emit("Added", input)),
    },
  },
});
const totals = projection("totals", {
  version: 1,
  from: [counter],
  initial: null as { total: number } | null,
  on: { Added: (_, { after }) => ({ total: after }) },
});
const domain = defineDomain({ version: 1, aggregates: [counter], projections: [totals] });

test("simulate: a seed that does not repeat is reported with its problem and the cause", async () => {
  const { broken } = await runSeeds(domain, {
    commands: ({ random }) => counter.command.add(`c${random.below(2)}`, { by: random.below(3) }),
    seeds: 6,
  });
  expect(broken.length).toBeGreaterThan(0);
  for (const seed of broken) {
    expect(seed.problems, `seed ${seed.seed}`).not.toEqual([]);
    expect(describeBroken(seed)).toContain(`{ firstSeed: ${seed.seed}, seeds: 1 }`);
  }
  expect(broken.some(({ problems }) => /^unrepeated: .*uses a clock, chance/.test(problems[0] ?? ""))).toBe(true);
});

test("simulate: a `commands` that always throws is reported with its error, and not as chance", async () => {
  const commands = () => {
    throw new Error("no such list");
  };
  const { broken } = await runSeeds(domain, { commands, seeds: 1 });
  expect(broken.flatMap(({ problems }) => problems)).toEqual([expect.stringContaining("Error: no such list")]);
});

test("simulate: a `commands` that forgets its return is reported", async () => {
  const forgets: (...facts: readonly unknown[]) => unknown = () => {};
  const { broken } = await runSeeds(domain, { commands: forgets as CommandMaker, seeds: 1 });
  expect(broken.flatMap(({ problems }) => problems)).toEqual([containing("`commands` returned something that is no")]);
});

test("simulate: the error shows the first broken seed as a whole, and names the others", async () => {
  const commands = () => {
    throw new Error("no such list");
  };
  const error = await simulate(domain, { commands, seeds: 30, shrinks: false }).catch((thrown: unknown) => thrown);
  if (!(error instanceof SimulationError)) throw new Error("The simulation broke nothing");
  expect(error.report.broken).toHaveLength(30);
  expect(error.message.match(/Run it again/g)).toHaveLength(1);
  expect(error.message).toMatch(/^Seed 1 is broken:.*Other broken seeds:\n {2}2: .*no such list\n {2}3: .* 9 more/s);
});

test("simulate: the report counts the commits that were accepted and rejected", async () => {
  const add = (by: number) => counter.command.add("c1", { by });
  const some = await runSeeds(domain, { commands: ({ random }) => add(random.below(3)), seeds: 2, faults: [] });
  expect(some.commits.accepted).toBeGreaterThan(0);
  expect(some.commits.rejected).toBe(0);
  // Undo and redo are no commits of `commands`.
  expect(some.commits.accepted).toBeLessThanOrEqual(some.commits.made);
  const none = await runSeeds(domain, { commands: () => add(-1), seeds: 2, faults: [] });
  expect(none.commits).toMatchObject({ accepted: 0, rejected: none.commits.made });
  expect(none.commits.made).toBeGreaterThan(0);
});
