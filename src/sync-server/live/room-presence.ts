/**
 * Who has a log open, and what they show of themselves. Not stored, gone with the socket.
 *
 * Holds: an entry is of an actor and a device of theirs. The actor is the verified one, the device's id their own word: others may say the
 * same, and each is shown. It belongs to the socket that set it last; many changes in a short time become one frame, so what goes out
 * is bounded by the number of sockets.
 */
import { findJsonProblem, type Json } from "../../core/values/json.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import { exceedsBytes } from "../base/limits.ts";
import type { Member } from "./member.ts";

export type PresenceSet = {
  /** Takes what a socket says of its device; null takes it away. False: not taken. */
  readonly set: (member: Member, client: string, data: Json) => boolean;
  readonly leave: (member: Member) => void;
  readonly all: () => readonly Presence[];
  /** What changed since this was last called: ids that someone is gone from, then who is here, also under those. */
  readonly drainChanges: () => { readonly set: readonly Presence[]; readonly gone: readonly string[] };
};

export function createPresenceSet(bytesMax: number): PresenceSet {
  const entries = new Map<string, { readonly member: Member; readonly shown: Presence }>();
  const changed = new Set<string>();
  /** Ids by the keys of those who left. */
  const gone = new Map<string, string>();
  const keyOf = (member: Member, client: string): string => `${client} ${member.principal.actor}`;
  const remove = (member: Member, client: string): void => {
    const key = keyOf(member, client);
    // Another socket of the same device may have taken its place.
    if (entries.get(key)?.member !== member) return;
    entries.delete(key);
    gone.set(key, client);
  };
  return {
    set: (member, client, data) => {
      // One socket shows one device.
      if (member.presence && member.presence.client !== client) return false;
      if (findJsonProblem(data) || exceedsBytes(JSON.stringify(data), bytesMax)) return false;
      if (data === null) {
        remove(member, client);
        return true;
      }
      const key = keyOf(member, client);
      if (!entries.has(key) && entries.size >= PRESENCE_ENTRIES_MAX) return false;
      entries.set(key, { member, shown: { client, actor: member.principal.actor, data } });
      changed.add(key);
      gone.delete(key);
      return true;
    },
    leave: (member) => {
      if (member.presence) remove(member, member.presence.client);
    },
    all: () => [...entries.values()].map(({ shown }) => shown),
    drainChanges: () => {
      const left = new Set(gone.values());
      const set = [...entries]
        .filter(([key, { shown }]) => changed.has(key) || left.has(shown.client))
        .map(([, { shown }]) => shown);
      changed.clear();
      gone.clear();
      return { set, gone: [...left] };
    },
  };
}
