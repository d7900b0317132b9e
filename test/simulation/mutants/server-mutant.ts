/** A planted fault of simulated servers, and the search for a seed that finds it. */
import type { PlantedFault } from "../../support/simulation/followers/shared-store.ts";
import { runServers } from "../../support/simulation/servers/world.ts";

export type ServerMutant = { readonly name: string; readonly what: string; readonly fault: PlantedFault };

/** Runs worlds of servers with a planted fault until one breaks. */
export async function findServerMutant(
  { fault }: ServerMutant,
  seedsMax: number,
): Promise<{ readonly seed: number; readonly problem: string } | null> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const [problem] = await runServers(seed, fault);
    if (problem !== undefined) return { seed, problem };
  }
  return null;
}
