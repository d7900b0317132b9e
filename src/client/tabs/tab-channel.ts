/**
 * What the tabs of one database tell each other: hints, never facts.
 *
 * Holds: any message may be lost, doubled or late without harm; what it speaks of stands in the store. What does
 * not read as a message (a tab with other code) is ignored.
 */
import { checkJson, type Json } from "../../core/json.ts";
import type { Presence } from "../../core/protocol.ts";
import type { TabChannel } from "../env.ts";

/** Who should lead: the newest domain first, then a tab that someone looks at. */
export type Rank = { readonly domain: number; readonly visible: boolean };

export type TabMessage =
  /** The store changed: look. */
  | { readonly type: "wrote" }
  /** The leader is alive, and knows the store as it `stands`: who knows it otherwise has missed a hint, or the leader has. */
  | { readonly type: "beat"; readonly rank: Rank; readonly stands: string }
  /** Someone with a higher rank than the leader's would lead. */
  | { readonly type: "claim"; readonly rank: Rank }
  /** What this device shows to others, set in a tab that does not lead. */
  | { readonly type: "show"; readonly data: Json }
  /** Who else is here, as the leader heard it. */
  | { readonly type: "present"; readonly others: readonly Presence[] };

export function outranks(left: Rank, right: Rank): boolean {
  return left.domain !== right.domain ? left.domain > right.domain : left.visible && !right.visible;
}

export function listenTabs(channel: TabChannel, listener: (message: TabMessage) => void): void {
  channel.listen((message) => {
    if (isTabMessage(message)) listener(message);
  });
}

function isTabMessage(message: unknown): message is TabMessage {
  if (typeof message !== "object" || message === null || !("type" in message) || checkJson(message) !== null) return false;
  switch (message.type) {
    case "wrote":
      return true;
    case "beat":
    case "claim":
      return "rank" in message && typeof message.rank === "object" && message.rank !== null && "domain" in message.rank && "visible" in message.rank;
    case "show":
      return "data" in message;
    case "present":
      return "others" in message && Array.isArray(message.others);
    default:
      return false;
  }
}
