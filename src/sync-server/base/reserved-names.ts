/**
 * The names that belong to the server's own code: actors that begin with `~`, and commit ids of UUID version 8.
 *
 * Guarantees (P30, push-pull.test.ts, subscribers.execute.test.ts): no device can use them. Otherwise a device could
 * take the id of a subscriber's commit first.
 */

/** The first character of the actor of a subscriber. */
export const SERVER_ACTOR_PREFIX = "~";

/** True for a commit id of version 8 (RFC 9562). Such ids are derived from texts, so that a stranger can guess them. */
export function isReservedId(id: string): boolean {
  return id[14] === "8";
}
