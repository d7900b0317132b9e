/** The author of commits and events: one person on one device. */
import type { Commit } from "./commit.ts";

/** A person on a device. The same person on another device is another author. */
export type Author = Pick<Commit, "actor" | "client">;

/** Returns a text that is the same for the same author only. A client is a UUID, so it contains no space. */
export function authorKey({ actor, client }: Author): string {
  return `${client} ${actor}`;
}

/** True if both have the same author. */
export function isSameAuthor(left: Author, right: Author): boolean {
  return left.actor === right.actor && left.client === right.client;
}
