/**
 * Shares of memory: how many bytes are held for peers who send or take slowly, by all together and for each principal.
 *
 * Place: one for bodies while they are read, one for answers until they are taken. What was read waits in the log writer, which has its
 * own bound.
 * Holds: neither all together nor one actor alone hold more than their bound; a share is given back whole, however it ended.
 */
import { HttpRefusal } from "./http-refusal.ts";

export type MemoryShare = {
  /** Counts bytes; throws `overloaded` where they are too many. */
  readonly reserve: (bytes: number) => void;
  readonly release: () => void;
};

export type MemoryBudget = { readonly of: (actor: string) => MemoryShare };

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
