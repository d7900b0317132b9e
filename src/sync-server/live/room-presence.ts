/**
 * The presence entries of one log: each is a device of an actor, with the data that it shows.
 *
 * Guarantees:
 * - The actor of an entry is the verified actor of its socket. The device's id is the client's own claim.
 * - Two actors that claim one device id have one entry each, so that neither hides the other.
 * - A device may have several sockets, such as two tabs that both lead. It shows the entry of the socket that set it
 *   last. When that socket ends, the entry of another socket shows again (`hub.test.ts`).
 * - The store never contains an entry. It ends with its socket.
 */
import { findJsonProblem, type Json } from "../../core/values/json.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import { exceedsBytes } from "../base/limits.ts";
import type { Member } from "./member.ts";
import type { ClientId } from "../../core/values/ids.ts";

export type PresenceSet = {
  /** Sets the entry of a socket's device. Null removes it. Returns false if the entry is refused. */
  readonly set: (member: Member, clientId: ClientId, data: Json) => boolean;
  readonly leave: (member: Member) => void;
  readonly all: () => readonly Presence[];
  /**
   * Returns the changes since the last call: the ids of devices that left, then the new entries.
   * Entries of other actors under an id that left come again, because a client removes all entries of that id.
   */
  readonly drainChanges: () => { readonly set: readonly Presence[]; readonly gone: readonly string[] };
};

export function createPresenceSet(bytesMax: number): PresenceSet {
  /** For each device, the entry of each of its sockets. The last one is shown. */
  const entries = new Map<string, Map<Member, Presence>>();
  const changed = new Set<string>();
  /** The device ids of removed entries, by their keys. */
  const gone = new Map<string, string>();
  const keyOf = (member: Member, clientId: ClientId): string => `${clientId} ${member.principal.actor}`;
  const remove = (member: Member, clientId: ClientId, isWholeDevice: boolean): void => {
    const key = keyOf(member, clientId);
    const ofDevice = entries.get(key);
    if (!ofDevice) return;
    const isShown = [...ofDevice.keys()].at(-1) === member;
    ofDevice.delete(member);
    if (!isShown) return;
    if (ofDevice.size > 0 && !isWholeDevice) return void changed.add(key);
    entries.delete(key);
    gone.set(key, clientId);
  };
  return {
    set: (member, clientId, data) => {
      // One socket shows one device. Otherwise `leave` leaves entries behind.
      if (member.presence && member.presence.client !== clientId) return false;
      if (findJsonProblem(data) || exceedsBytes(JSON.stringify(data), bytesMax)) return false;
      if (data === null) {
        remove(member, clientId, true);
        return true;
      }
      const key = keyOf(member, clientId);
      const ofDevice = entries.get(key) ?? new Map<Member, Presence>();
      if (ofDevice.size === 0 && entries.size >= PRESENCE_ENTRIES_MAX) return false;
      ofDevice.delete(member);
      entries.set(key, ofDevice.set(member, { client: clientId, actor: member.principal.actor, data }));
      changed.add(key);
      gone.delete(key);
      return true;
    },
    leave: (member) => {
      if (member.presence) remove(member, member.presence.client, false);
    },
    all: () => [...entries.values()].flatMap(shownOf),
    drainChanges: () => {
      const left = new Set(gone.values());
      const set = [...entries].flatMap(([key, ofDevice]) =>
        shownOf(ofDevice).filter(({ client }) => changed.has(key) || left.has(client)),
      );
      changed.clear();
      gone.clear();
      return { set, gone: [...left] };
    },
  };
}

function shownOf(ofDevice: ReadonlyMap<Member, Presence>): readonly Presence[] {
  return [...ofDevice.values()].slice(-1);
}
