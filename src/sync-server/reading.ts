/**
 * How many bytes of bodies are being read, so that many slow senders together cost bounded memory.
 *
 * Place: a route that reads a body holds a share while it does; what was read waits in the log writer, which has its own bound.
 * Holds: neither all together nor one actor alone hold more than their bound; a share is given back whole, however reading ended.
 */
import { HttpRefusal } from "./http-errors.ts";

export type ReadingShare = {
  /** Counts bytes that came in; throws `overloaded` where they are too many. */
  readonly take: (bytes: number) => void;
  readonly giveBack: () => void;
};

export type Reading = { readonly share: (actor: string) => ReadingShare };

export type ReadingBounds = { readonly readingBytesMax: number; readonly readingBytesPerActorMax: number };

export function createReading({ readingBytesMax, readingBytesPerActorMax }: ReadingBounds): Reading {
  let all = 0;
  const ofActors = new Map<string, number>();
  return {
    share: (actor) => {
      let held = 0;
      const add = (bytes: number): void => {
        const next = (ofActors.get(actor) ?? 0) + bytes;
        held += bytes;
        all += bytes;
        if (next > 0) ofActors.set(actor, next);
        else ofActors.delete(actor);
      };
      return {
        take: (bytes) => {
          if (all + bytes > readingBytesMax || (ofActors.get(actor) ?? 0) + bytes > readingBytesPerActorMax) throw new HttpRefusal("overloaded");
          add(bytes);
        },
        giveBack: () => add(-held),
      };
    },
  };
}
