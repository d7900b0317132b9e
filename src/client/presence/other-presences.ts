/**
 * The other authors and devices that have the log open, as the server reports them.
 *
 * Guarantees (`presence.tabs-and-server.test.ts`):
 * - An entry belongs to an actor and a device, so two actors with the same client id have two entries.
 * - A server cannot make the list long: it has at most `PRESENCE_ENTRIES_MAX` entries of at most `PRESENCE_BYTES_MAX`
 *   bytes each. The entries that came first stay.
 */
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { authorKey } from "../../core/history/author.ts";
import { PRESENCE_BYTES_MAX, PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";

export type PresenceChange = { readonly set: readonly Presence[]; readonly gone: readonly string[] | "all" };

/** The list after a change, without this device's own entry. */
export function nextOtherPresences(
  otherPresences: readonly Presence[],
  { set, gone }: PresenceChange,
  own: Pick<Presence, "client" | "actor">,
): readonly Presence[] {
  const left = new Set(gone);
  const here = new Map(
    gone === "all"
      ? []
      : otherPresences.filter(({ client }) => !left.has(client)).map((entry) => [keyOf(entry), entry]),
  );
  for (const entry of set) {
    const key = keyOf(entry);
    if (exceedsBytes(JSON.stringify(entry.data), PRESENCE_BYTES_MAX)) here.delete(key);
    else if (key !== keyOf(own) && (here.has(key) || here.size < PRESENCE_ENTRIES_MAX)) here.set(key, entry);
  }
  return [...here.values()];
}

function keyOf({ client, actor }: Pick<Presence, "client" | "actor">): string {
  return authorKey({ client, actor });
}
