/**
 * Who has a log open, and what they show of themselves. Not stored, gone with the socket.
 *
 * Holds: an entry's actor is the verified one; an entry belongs to the socket that set it last, and someone else's is never
 * replaced; many changes in a short time become one frame, so what goes out is bounded by the number of sockets.
 */
import { checkJson, type Json } from "../core/json.ts";
import type { Presence } from "../core/protocol.ts";
import { exceedsBytes } from "./limits.ts";
import type { Member } from "./live-member.ts";

export type PresenceSet = {
  /** Takes what a socket says of its device; null takes it away. False: not taken. */
  readonly set: (member: Member, client: string, data: Json) => boolean;
  readonly leave: (member: Member) => void;
  readonly all: () => readonly Presence[];
  /** What changed since this was last called. */
  readonly takeChanges: () => { readonly set: readonly Presence[]; readonly gone: readonly string[] };
};

/** Devices shown in one log. More people than that do not look at each other's cursors. */
const ENTRIES_MAX = 1_000;

export function createPresenceSet(bytesMax: number): PresenceSet {
  const entries = new Map<string, { readonly member: Member; readonly shown: Presence }>();
  const changed = new Set<string>();
  const remove = (client: string): void => {
    entries.delete(client);
    changed.add(client);
  };
  return {
    set: (member, client, data) => {
      const { actor } = member.principal;
      const before = entries.get(client);
      if (before && before.shown.actor !== actor) return false;
      // One socket shows one device.
      if (member.presence && member.presence.client !== client) return false;
      if (checkJson(data) || exceedsBytes(JSON.stringify(data), bytesMax)) return false;
      if (data === null) {
        if (before?.member === member) remove(client);
        return true;
      }
      if (!before && entries.size >= ENTRIES_MAX) return false;
      entries.set(client, { member, shown: { client, actor, data } });
      changed.add(client);
      return true;
    },
    leave: (member) => {
      const client = member.presence?.client;
      // Another socket of the same device may have taken its place.
      if (client !== undefined && entries.get(client)?.member === member) remove(client);
    },
    all: () => [...entries.values()].map(({ shown }) => shown),
    takeChanges: () => {
      const clients = [...changed];
      changed.clear();
      return {
        set: clients.flatMap((client) => entries.get(client)?.shown ?? []),
        gone: clients.filter((client) => !entries.has(client)),
      };
    },
  };
}
