// Worlds of read models: two nodes, one store, jobs and faults. `npm run simulate -- --followers` runs more seeds.
import { expect, test } from "vitest";
import { runFollowers } from "../support/simulation/followers/world.ts";

test("simulate: read models of 150 worlds are the fold of their log", async () => {
  for (let seed = 1; seed <= 150; seed++) expect(await runFollowers(seed), `seed ${seed}`).toEqual([]);
});

test.each([503_628, 505_196, 529_517])(
  "simulate: a verification beside a purge ends, in seed %i of read models",
  async (seed) => {
    expect(await runFollowers(seed)).toEqual([]);
  },
);
