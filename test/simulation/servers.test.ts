// Worlds of whole servers: two nodes, one store, handlers, processes and faults. `npm run simulate -- --servers` runs
// more seeds.
import { expect, test } from "vitest";
import { serverCodeMutants } from "./mutants/server-code-mutants.ts";
import { findServerMutant } from "./mutants/server-mutant.ts";
import { serverStoreMutants } from "./mutants/server-store-mutants.ts";
import { runServers } from "../support/simulation/servers/world.ts";

test("simulate: the followers of 60 worlds of servers do each thing once, in order", async () => {
  for (let seed = 1; seed <= 60; seed++) expect(await runServers(seed), `seed ${seed}`).toEqual([]);
});

test("simulate: newer code of a process stops at a lost place, in seed 715 of servers", async () => {
  expect(await runServers(715)).toEqual([]);
});

test("runServers: the same seed makes the same trace each time", async () => {
  for (const seed of [2, 24]) {
    const traces: string[][] = [[], []];
    for (const trace of traces) await runServers(seed, {}, (line) => trace.push(line));
    expect(traces[1]).toEqual(traces[0]);
    expect(traces[0]?.length).toBeGreaterThan(1_000);
  }
});

test.each(["retry-moves-checkpoint", "random-id-for-derived", "vetoed-overlay-kept", "lost-place-continued"])(
  "findServerMutant: finds the planted fault %s",
  async (name) => {
    const mutant = [...serverStoreMutants, ...serverCodeMutants].find((one) => one.name === name);
    if (!mutant) throw new Error(`There is no planted fault ${name}`);
    expect(await findServerMutant(mutant, 60)).not.toBeNull();
  },
);
