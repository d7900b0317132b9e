/** The author of commits: one device of one actor. */
import type { Commit } from "./commit.ts";

/** Whose own an event is: the same person on the same device. */
export type Author = Pick<Commit, "actor" | "client">;

export function authorKey({ actor, client }: Author): string {
  return `${client} ${actor}`;
}
