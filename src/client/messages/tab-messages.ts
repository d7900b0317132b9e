/**
 * What the tabs of one database tell each other: hints, never facts.
 *
 * Holds: any message may be lost, doubled or late without harm; what it speaks of stands in the store. What does
 * not read as a message (a tab with other code) is ignored.
 */
import { findJsonProblem, type Json } from "../../core/values/json.ts";
import { json, list, literal, orNull, parse, type Reader, shape, text, time, whole } from "../../core/wire/reader.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import type { TabChannel } from "../env/env.ts";

/** Who should lead: the newest domain first, then a tab that someone looks at. */
export type Rank = { readonly domain: number; readonly visible: boolean };

/** What a follower tells its page of the leader's syncing: whether it has stopped or is cut off, and when it last went well. */
export type LeaderSync = { readonly state: "going" | "offline" | "stopped"; readonly lastSyncedAt: number | null };

/** What a tab that does not lead shows to others, and since when; null: nothing. */
export type ShowMessage = { readonly type: "show"; readonly tab: string; readonly at: number; readonly data: Json };

export type TabMessage =
  /** The store changed: look. */
  | { readonly type: "wrote" }
  /** The leader is alive, and knows the store as it `stands`: who knows it otherwise has missed a hint, or the leader has. */
  | { readonly type: "beat"; readonly rank: Rank; readonly stands: string; readonly sync: LeaderSync }
  /** Someone with a higher rank than the leader's would lead. */
  | { readonly type: "claim"; readonly rank: Rank }
  | ShowMessage
  /** A tab was opened and knows nothing of who else is here. */
  | { readonly type: "hello" }
  /** Who else is here, as the leader heard it. */
  | { readonly type: "present"; readonly others: readonly Presence[] };

export function outranks(left: Rank, right: Rank): boolean {
  return left.domain !== right.domain ? left.domain > right.domain : left.visible && !right.visible;
}

export function listenTabs(channel: TabChannel, listener: (message: TabMessage) => void): void {
  channel.listen((given) => {
    const message = readTabMessage(given);
    if (message) listener(message);
  });
}

const rank = shape({ domain: whole(0), visible: literal(true, false) });
const leaderSync = shape({ state: literal("going", "offline", "stopped"), lastSyncedAt: orNull(time) });
const others = list(shape({ client: text(64), actor: text(128), data: json }), PRESENCE_ENTRIES_MAX);

const tabMessage: Reader<TabMessage> = (value, path) => {
  const { type } = shape({ type: literal("wrote", "beat", "claim", "show", "hello", "present") })(value, path);
  switch (type) {
    case "wrote":
    case "hello":
      return { type };
    case "beat":
      return { type, ...shape({ rank, stands: text(10_000), sync: leaderSync })(value, path) };
    case "claim":
      return { type, ...shape({ rank })(value, path) };
    case "show":
      return { type, ...shape({ tab: text(64), at: time, data: json })(value, path) };
    case "present":
      return { type, ...shape({ others })(value, path) };
  }
};

function readTabMessage(given: unknown): TabMessage | null {
  // First: nothing that could throw when it is looked at goes on.
  if (findJsonProblem(given) !== null) return null;
  const read = parse(tabMessage, given);
  return read.ok ? read.value : null;
}
