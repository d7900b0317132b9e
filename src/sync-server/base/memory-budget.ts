/**
 * A budget of memory for peers that send or read slowly: bytes in use by all actors together, and by each actor.
 *
 * Guarantees:
 * - All actors together hold at most their bound, and each actor at most its own bound (http.limits.test.ts,
 *   node-http.slow-peers.test.ts).
 * - `release` returns all bytes of a share, however its request ended.
 */
import { HttpRefusal } from "./http-refusal.ts";
import type { Actor } from "../../core/values/ids.ts";

export type MemoryShare = {
  /** Adds bytes to the share. Throws `overloaded` if the budget has no room for them. */
  readonly reserve: (bytes: number) => void;
  readonly release: () => void;
};

export type MemoryBudget = { readonly of: (actor: Actor) => MemoryShare };

export function createMemoryBudget({
  allMax,
  eachMax,
}: {
  readonly allMax: number;
  readonly eachMax: number;
}): MemoryBudget {
  let all = 0;
  const ofActors = new Map<string, number>();
  return {
    of: (actor) => {
      let held = 0;
      const add = (bytes: number): void => {
        const next = (ofActors.get(actor) ?? 0) + bytes;
        held += bytes;
        all += bytes;
        if (next > 0) ofActors.set(actor, next);
        else ofActors.delete(actor);
      };
      return {
        reserve: (bytes) => {
          if (all + bytes > allMax || (ofActors.get(actor) ?? 0) + bytes > eachMax) throw new HttpRefusal("overloaded");
          add(bytes);
        },
        release: () => add(-held),
      };
    },
  };
}
