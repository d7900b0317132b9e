/**
 * The messages between the tabs of one database: hints, never facts.
 *
 * Guarantees:
 * - A message may be lost, doubled or late without harm, because the store contains the facts (simulator fault
 *   `tabMessages`).
 * - A value that is not a message of this release is ignored, because a tab may run other code
 *   (`tab-messages.fuzz.test.ts`).
 *
 * Tabs of older releases may be open, so the names of fields stay.
 */
import type { PlainError } from "../../core/values/plain-error.ts";
import { findJsonProblem, type Json, parseOwnJson } from "../../core/values/json.ts";
import { json, list, literal, orNull, parse, type Reader, shape, text, time, whole } from "../../core/wire/reader.ts";
import { type Presence } from "../../core/wire/messages.ts";
import { PRESENCE_ENTRIES_MAX } from "../../core/history/limits.ts";
import type { TabChannel } from "../env/env.ts";
import type { StuckCommit } from "./log-types.ts";

/** The claim of a tab to lead: the newest domain first, then a visible tab. `tie` is random, for tabs without locks. */
export type Rank = { readonly domain: number; readonly visible: boolean; readonly tie?: number };

/**
 * The leader's syncing, as a follower reports it to its page: whether it is stopped or offline, its last success, the
 * newest version of the domain that it knows, its error, and the commit that does not get through. Leaders of older
 * releases leave the last three out.
 */
export type LeaderSync = {
  readonly state: "going" | "offline" | "stopped";
  readonly lastSyncedAt: number | null;
  readonly domain?: number;
  readonly error?: PlainError | null;
  readonly stuck?: StuckCommit | null;
};

/** The presence of a tab that follows, and the time at which it was set. Null data shows nothing. */
export type ShowMessage = { readonly type: "show"; readonly tab: string; readonly at: number; readonly data: Json };

export type TabMessage =
  /** The store changed, so read it. */
  | { readonly type: "wrote" }
  /**
   * The leader is alive. `stands` is its fingerprint of the store. If a follower's fingerprint differs, a hint to one
   * of them was lost.
   */
  | { readonly type: "beat"; readonly rank: Rank; readonly stands: string; readonly sync: LeaderSync }
  /** A tab with a higher rank than the leader's wants to lead. */
  | { readonly type: "claim"; readonly rank: Rank }
  | ShowMessage
  /** A tab was opened, and needs the presence of the other devices. */
  | { readonly type: "hello" }
  /** The presence of the other devices, as the server reported it to the leader. */
  | { readonly type: "present"; readonly others: readonly Presence[] };

export function outranks(left: Rank, right: Rank): boolean {
  return left.domain !== right.domain ? left.domain > right.domain : left.visible && !right.visible;
}

/** True: of two tabs that lead because there are no locks, the tab with `own` yields. */
export function yieldsTo(own: Rank, other: Rank): boolean {
  return outranks(other, own) || (!outranks(own, other) && (other.tie ?? 0) > (own.tie ?? 0));
}

export function listenTabs(channel: TabChannel, listener: (message: TabMessage) => void): void {
  channel.listen((given) => {
    const message = readTabMessage(given);
    if (message) listener(message);
  });
}

const rank = shape({ domain: whole(0), visible: literal(true, false) }, { tie: whole(0) });
const plainError: Reader<PlainError> = (value, path) => {
  const facts = { code: text(64), message: text(10_000), fix: text(10_000) };
  const read = shape({ ...facts, retry: literal("never", "later", "after-fix"), details: json })(value, path);
  // A leader of a newer release may send a code that this release does not list.
  return parseOwnJson<PlainError>(JSON.stringify(read));
};
const stuck = shape({
  commit: text(64),
  command: text(128),
  stream: text(512),
  since: time,
  status: orNull(whole(0)),
  code: orNull(text(128)),
  text: text(10_000),
});
const leaderSync = shape(
  { state: literal("going", "offline", "stopped"), lastSyncedAt: orNull(time) },
  { domain: whole(0), error: orNull(plainError), stuck: orNull(stuck) },
);
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
  // First, because reading a field of other values may throw.
  if (findJsonProblem(given) !== null) return null;
  const read = parse(tabMessage, given);
  return read.ok ? read.value : null;
}
