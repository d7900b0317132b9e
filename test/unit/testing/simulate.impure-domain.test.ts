// A domain with chance of its own: the report says so, and keeps the problem that the first run found.
import { aggregate, defineDomain, projection } from "dacapo";
import * as v from "valibot";
import { expect, test } from "vitest";
import { describeBroken, runSeeds } from "../../../src/testing/simulate/simulate.ts";

let calls = 0;

/** Each call of `evolve` returns another state, as with a counter outside of the domain. */
const counter = aggregate("counter", {
  version: 1,
  initial: 0,
  events: { Added: v.object({ by: v.number() }) },
  evolve: { Added: (total, { data }) => total + data.by + (calls++ % 7) },
  commands: { add: { input: v.object({ by: v.number() }), decide: (_, input, { emit }) => emit("Added", input) } },
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
