/**
 * The waits of followers before events that this code does not know. They outlive the keepers and runners of single
 * logs.
 *
 * Guarantees (unknown-events.test.ts):
 * - A follower waits for a minute before the first event that no node folds. So a node of a newer release may fold it.
 * - If another node folded the event, the next unknown one begins a new minute.
 * - A wait that no follower continued for an hour is forgotten. So the memory does not grow with the logs.
 */
import { evictOldest } from "../base/evict-oldest.ts";

type Wait = {
  /** The position of the record with the unknown event. */
  readonly position: number;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The last call of `hasWaited`. */
  readonly checkedAt: number;
};

/** A node that knows an event may take over within this time. After it, this node parks the event. */
const UNKNOWN_MS = 60_000;
/** It is far longer than the time between two walks, so that no wait begins again and again. */
const FORGET_MS = 3_600_000;

export class UnknownEvents {
  /** By follower. The latest checked wait is the last one. */
  readonly #waits = new Map<string, Wait>();

  /** The waits in memory. */
  get size(): number {
    return this.#waits.size;
  }

  /** True if the wait is over. From then on the follower waits for no event, because more unknown ones will follow. */
  hasWaited(follower: string, position: number, now: number): boolean {
    const before = this.#waits.get(follower);
    const continues = before !== undefined && (before.position === position || isOver(before));
    const wait = { position, since: continues ? before.since : now, checkedAt: now };
    this.#waits.delete(follower);
    this.#waits.set(follower, wait);
    evictOldest(this.#waits, ({ checkedAt }) => now - checkedAt > FORGET_MS);
    return isOver(wait);
  }
}

function isOver({ since, checkedAt }: Wait): boolean {
  return checkedAt - since >= UNKNOWN_MS;
}
