/**
 * Who else has the log open, as the server tells it.
 *
 * Place: the worker keeps what this gives for its page, and tells it to the tabs that follow.
 * Holds: an entry is of an actor and a device: two actors that call theirs the same are two. Whatever a server says, there are no more
 * entries than it may have and none larger than a device could send; who came first stays.
 */
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { authorKey } from "../../core/history/author.ts";
import { PRESENCE_BYTES_MAX, PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";

export type PresenceChange = { readonly set: readonly Presence[]; readonly gone: readonly string[] | "all" };

export function nextOthers(
  others: readonly Presence[],
  { set, gone }: PresenceChange,
  own: Pick<Presence, "client" | "actor">,
): readonly Presence[] {
  const left = new Set(gone);
  const here = new Map(
    gone === "all" ? [] : others.filter(({ client }) => !left.has(client)).map((one) => [keyOf(one), one]),
  );
  for (const one of set) {
    const key = keyOf(one);
    if (exceedsBytes(JSON.stringify(one.data), PRESENCE_BYTES_MAX)) here.delete(key);
    else if (key !== keyOf(own) && (here.has(key) || here.size < PRESENCE_ENTRIES_MAX)) here.set(key, one);
  }
  return [...here.values()];
}

function keyOf({ client, actor }: Pick<Presence, "client" | "actor">): string {
  return authorKey({ client, actor });
}
