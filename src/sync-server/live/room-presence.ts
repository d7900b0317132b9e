/**
 * The presence entries of one log: each is a device of an actor, with the data that it shows.
 *
 * Guarantees:
 * - The actor of an entry is the verified actor of its socket. The device's id is the client's own claim.
 * - Two actors that claim one device id have one entry each, so that neither hides the other.
 * - A device may have several sockets, such as two tabs that both lead, also on several nodes. It shows the entry that
 *   was set last. When the socket of that entry ends, the entry of another socket shows again (`hub.test.ts`).
 * - The store never contains an entry. It ends with its socket.
 */
import { findJsonProblem, sameJson } from "../../core/values/json.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import { exceedsBytes } from "../base/limits.ts";
import type { Member } from "./member.ts";
import { deviceKey, type PresenceDevice } from "./node-message.ts";

/** The socket that shows an entry, or the name of another node. */
export type PresenceHolder = Member | string;

export class PresenceSet {
  readonly #bytesMax: number;
  /** For each device, the entry of each holder. The last one is shown. */
  readonly #entries = new Map<string, Map<PresenceHolder, Presence>>();
  readonly #changed = new Set<string>();
  /** The device ids of removed entries, by their keys. */
  readonly #gone = new Map<string, string>();

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Sets the entry of a holder. Returns false if the entry is refused. */
  set(holder: PresenceHolder, entry: Presence): boolean {
    if (findJsonProblem(entry.data) || exceedsBytes(JSON.stringify(entry.data), this.#bytesMax)) return false;
    const key = deviceKey(entry);
    const ofDevice = this.#entries.get(key) ?? new Map<PresenceHolder, Presence>();
    if (ofDevice.size === 0 && this.#entries.size >= PRESENCE_ENTRIES_MAX) return false;
    const before = ofDevice.get(holder);
    // Nodes repeat their entries. A repetition is no change, so it must not come before a newer entry.
    if (before && typeof holder === "string" && sameJson(before.data, entry.data)) return true;
    ofDevice.delete(holder);
    this.#entries.set(key, ofDevice.set(holder, entry));
    this.#changed.add(key);
    this.#gone.delete(key);
    return true;
  }

  /** Removes the entry of one holder. */
  leave(holder: PresenceHolder, device: PresenceDevice): void {
    const key = deviceKey(device);
    const ofDevice = this.#entries.get(key);
    if (!ofDevice) return;
    const isShown = [...ofDevice.keys()].at(-1) === holder;
    ofDevice.delete(holder);
    if (ofDevice.size === 0) this.clear(device);
    else if (isShown) this.#changed.add(key);
  }

  /** Removes the entries of all holders of a device. */
  clear(device: PresenceDevice): void {
    if (this.#entries.delete(deviceKey(device))) this.#gone.set(deviceKey(device), device.client);
  }

  all(): readonly Presence[] {
    return [...this.#entries.values()].flatMap(shownOf);
  }

  /** The entries of this node's own sockets. */
  own(): readonly Presence[] {
    return [...this.#entries.values()].flatMap(ownOf);
  }

  /** The entry of this node's own sockets for a device. */
  ownOf(device: PresenceDevice): Presence | undefined {
    const ofDevice = this.#entries.get(deviceKey(device));
    return ofDevice && ownOf(ofDevice)[0];
  }

  /**
   * Returns the changes since the last call: the ids of devices that left, then the new entries.
   * Entries of other actors under an id that left come again, because a client removes all entries of that id.
   */
  drainChanges(): { readonly set: readonly Presence[]; readonly gone: readonly string[] } {
    const left = new Set(this.#gone.values());
    const set = [...this.#entries].flatMap(([key, ofDevice]) =>
      shownOf(ofDevice).filter(({ client }) => this.#changed.has(key) || left.has(client)),
    );
    this.#changed.clear();
    this.#gone.clear();
    return { set, gone: [...left] };
  }
}

function shownOf(ofDevice: ReadonlyMap<PresenceHolder, Presence>): readonly Presence[] {
  return [...ofDevice.values()].slice(-1);
}

function ownOf(ofDevice: ReadonlyMap<PresenceHolder, Presence>): readonly Presence[] {
  return [...ofDevice].flatMap(([holder, entry]) => (typeof holder === "string" ? [] : [entry])).slice(-1);
}
