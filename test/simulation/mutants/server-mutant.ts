/** A planted fault of simulated servers, and the search for a seed that finds it. */
import type { FollowerNext, ModelWrite } from "../../../src/sync-server/stores/model-store.ts";
import type { PlantedFault } from "../../support/simulation/followers/shared-store.ts";
import { runServers } from "../../support/simulation/servers/world.ts";

export type ServerMutant = { readonly name: string; readonly what: string; readonly fault: PlantedFault };

type Change = (next: FollowerNext, name: string) => FollowerNext;

/** Changes the next state of each follower of a write. */
export function changed(write: ModelWrite, change: Change): ModelWrite {
  const followers = write.followers.map((one) =>
    one.next === null || one.next === "check" ? one : { ...one, next: change(one.next, one.name) },
  );
  return { ...write, followers };
}

/** Changes the followers of each write. */
export function writesAs(change: Change): ServerMutant["fault"] {
  return { models: (store) => ({ write: (log, write) => store.write(log, changed(write, change)) }) };
}

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
