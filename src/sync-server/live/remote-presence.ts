/**
 * The presence entries that other nodes show for one log, with the end of each.
 *
 * Guarantees (node-presence.test.ts):
 * - An entry that its node does not repeat ends after `REMOTE_MS_MAX`. So a node that dies leaves nobody behind, and a
 *   lost message is repaired.
 * - A clock that was set back delays no end.
 */
import { deviceKey, type NodeMessage, type PresenceDevice } from "./node-message.ts";
import type { PresenceSet } from "./room-presence.ts";

/** Nodes repeat their entries every 10 seconds, so that two repetitions may be lost. */
export const REMOTE_MS_MAX = 30_000;

type Known = { readonly device: PresenceDevice; until: number };

export class RemotePresence {
  readonly #entries: PresenceSet;
  /** For each node, the entries that it shows. */
  readonly #nodes = new Map<string, Map<string, Known>>();

  constructor(entries: PresenceSet) {
    this.#entries = entries;
  }

  /** Applies a message of another node. */
  receive(node: string, { entries, ends }: NodeMessage, now: number): void {
    const known = this.#nodes.get(node) ?? new Map<string, Known>();
    this.#nodes.set(node, known);
    for (const { client, actor, data } of entries) {
      const device = { client, actor };
      if (data === null) this.#clear(device);
      else if (data === undefined) this.#end(node, known, device);
      else if (this.#entries.set(node, { client, actor, data }))
        known.set(deviceKey(device), { device, until: now + REMOTE_MS_MAX });
    }
    if (ends) for (const { device } of known.values()) this.#end(node, known, device);
    if (known.size === 0) this.#nodes.delete(node);
  }

  /** Removes the entries that their nodes did not repeat. Returns true if there were any. */
  expire(now: number): boolean {
    let isChanged = false;
    for (const [node, known] of this.#nodes) {
      for (const one of known.values()) {
        one.until = Math.min(one.until, now + REMOTE_MS_MAX);
        if (one.until > now) continue;
        this.#end(node, known, one.device);
        isChanged = true;
      }
      if (known.size === 0) this.#nodes.delete(node);
    }
    return isChanged;
  }

  #end(node: string, known: Map<string, Known>, device: PresenceDevice): void {
    known.delete(deviceKey(device));
    this.#entries.leave(node, device);
  }

  /** The device shows nothing, on no node. */
  #clear(device: PresenceDevice): void {
    for (const known of this.#nodes.values()) known.delete(deviceKey(device));
    this.#entries.clear(device);
  }
}
