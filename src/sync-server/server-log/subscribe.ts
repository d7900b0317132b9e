/**
 * Follows the events of a log in memory, for the code of the server.
 *
 * Guarantees (server-log.test.ts):
 * - It reads one page at a time, so that a slow reader fills no memory. Other work continues after each page.
 * - "now" is the time of the call, also if the caller reads the first event later.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { type Cursor, cursorOf, decodeCursor, encodeCursor, readableEvents } from "../../core/history/record.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import type { LogName } from "../../core/values/ids.ts";
import { invalid, requireCallOptions, requireTexts, shown } from "../base/check-arguments.ts";
import type { Env } from "../base/env.ts";
import type { LogSignals } from "../base/log-signals.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { EventStore } from "../stores/event-store.ts";
import { recordIn } from "../stores/stored-record.ts";
import { gone } from "../base/gone.ts";
import { diverged, replaced } from "./log-errors.ts";

/** The events to follow. */
export type SubscribeOptions = {
  /**
   * The place to begin: the first event of the log, the next one after the call, or a cursor such as `at` of an earlier
   * event.
   *
   * @default "now"
   */
  readonly from?: "beginning" | "now" | { readonly cursor: string | null };
  /** Only events of these types. @default all types */
  readonly types?: readonly string[];
  /** Only events of these streams, such as `task/t1`. @default all streams */
  readonly streams?: readonly string[];
  /** Ends the subscription. @default it ends when the server closes */
  readonly signal?: AbortSignal;
};

const OPTIONS: OptionNames<SubscribeOptions> = { from: true, types: true, streams: true, signal: true };

/** An event that a subscription returned. */
export type FollowedEvent = {
  /** The event. */
  readonly event: DomainEvent;
  /**
   * The cursor for `from` that continues after this event. Inside a commit it is the one before the commit, so the
   * events of that commit may come again.
   */
  readonly at: string | null;
};

export type SubscribeContext = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly env: Pick<Env, "nextTurn">;
  /** Signals of new records. */
  readonly signals: LogSignals;
  /** A waiting subscription reads again after `lookMs`, because another node may have appended. */
  readonly limits: Pick<ServerLimits, "lookMs">;
};

const PAGE = { events: 500, bytes: 1024 * 1024 };
const WHAT = "The subscription cannot begin";
const SUBSCRIBE_AGAIN =
  'Subscribe again, from "now" or "beginning". Events that the restore cut off are not in the log any more.';

/** Throws at once if an option is not valid. */
export function subscribe(
  context: SubscribeContext,
  log: LogName,
  options: SubscribeOptions,
): AsyncGenerator<FollowedEvent, void, undefined> {
  const { from = "now", types, streams, signal } = requireCallOptions(WHAT, "subscribe", options, OPTIONS);
  requireTexts(WHAT, "types", types);
  requireTexts(WHAT, "streams", streams);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw invalid(WHAT, `\`signal\` is ${shown(signal)}, which is not an AbortSignal`);
  const isChosen = (event: DomainEvent): boolean =>
    (types?.includes(event.type) ?? true) && (streams?.includes(event.stream) ?? true);
  const given = startOf(from);
  const start = given ? Promise.resolve(given) : headOf(context.store, log);
  // Only a caller that reads events gets the error.
  start.catch(() => {});
  return follow(context, log, start, isChosen, signal);
}

/** The place to begin. A null cursor is the beginning of the log. */
type Start = { readonly cursor: Cursor | null; readonly isGiven: boolean };

async function* follow(
  { domain, store, env, signals, limits }: SubscribeContext,
  log: LogName,
  start: Promise<Start>,
  isChosen: (event: DomainEvent) => boolean,
  signal: AbortSignal | undefined,
): AsyncGenerator<FollowedEvent, void, undefined> {
  // `isGiven`: `after` is still the cursor that the caller passed.
  let { cursor: after, isGiven } = await start;
  const isEnded = (): boolean => signals.isClosed || signal?.aborted === true;
  while (!isEnded()) {
    const page = await store.read(log, after, PAGE);
    if (page.kind === "gone") throw gone(log);
    if (page.kind === "diverged") throw isGiven ? diverged(log, "from") : replaced(log, after, SUBSCRIBE_AGAIN);
    isGiven = false;
    const records = page.kind === "page" ? page.records : [];
    for (const stored of records) {
      const record = recordIn(log, stored);
      const end = cursorOf(record);
      for (let n = 0; n < record.events.length; n++) {
        const events = readableEvents(domain, record, n);
        for (const [index, event] of events.entries()) {
          const isLast = n === record.events.length - 1 && index === events.length - 1;
          const at = isLast ? end : after;
          if (isChosen(event)) yield { event, at: at && encodeCursor(at) };
          if (isEnded()) return;
        }
      }
      after = end;
    }
    if (records.length === 0) await signals.wait(log, limits.lookMs, signal);
    else await env.nextTurn();
  }
}

async function headOf(store: EventStore, log: LogName): Promise<Start> {
  const head = await store.head(log);
  return { cursor: head.kind === "open" ? head.cursor : null, isGiven: false };
}

/** Null: the head of the log at the call. */
function startOf(from: NonNullable<SubscribeOptions["from"]>): Start | null {
  if (from === "beginning") return { cursor: null, isGiven: true };
  if (from === "now") return null;
  const { cursor: text } = requireFrom(from);
  if (text === null) return { cursor: null, isGiven: true };
  const cursor = typeof text === "string" ? decodeCursor(text) : null;
  if (!cursor) throw invalid(WHAT, `${shown(text)} is not a cursor`);
  return { cursor, isGiven: true };
}

function requireFrom(from: { readonly cursor: string | null }): { readonly cursor: string | null } {
  const untyped: unknown = from;
  if (typeof untyped === "object" && untyped !== null) return from;
  throw invalid(WHAT, `\`from\` is ${shown(untyped)}, which is not "beginning", "now" or { cursor }`);
}
