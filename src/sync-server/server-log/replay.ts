/** Reads a range of a log into a function, for the code of the server. */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { type CommitRecord, type Cursor, positionOf, readableEvents } from "../../core/history/record.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import type { LogName } from "../../core/values/ids.ts";
import { invalid, isCount, requireCallOptions, requireTexts, shown } from "../base/check-arguments.ts";
import type { Env } from "../base/env.ts";
import type { EventStore } from "../stores/event-store.ts";
import { recordIn } from "../stores/stored-record.ts";
import { gone } from "../base/gone.ts";
import { replaced } from "./log-errors.ts";

/** The events of a replay. */
export type ReplayRange = {
  /**
   * The events behind this position.
   *
   * @default 0, the beginning
   */
  readonly after?: number;
  /**
   * The last position, included.
   *
   * @default the head of the log at the call
   */
  readonly to?: number;
  /**
   * Only events of these types.
   *
   * @default all types
   */
  readonly types?: readonly string[];
  /**
   * Only events of these streams, such as `task/t1`.
   *
   * @default all streams
   */
  readonly streams?: readonly string[];
};

/** The events of a replay, and the function that receives them. */
export type ReplayOptions = ReplayRange & {
  /** Receives each event, one at a time. If it throws, the replay ends with that error. */
  readonly into: (event: DomainEvent) => void | Promise<void>;
};

const RANGE: OptionNames<ReplayRange> = { after: true, to: true, types: true, streams: true };
const OPTIONS: OptionNames<ReplayOptions> = { ...RANGE, into: true };

const PAGE = { events: 500, bytes: 1024 * 1024 };
const WHAT = "The log cannot be replayed";

type CheckedRange = ReplayRange & { readonly after: number; readonly to: number };

/** The range of `replayIntoScratch` with its defaults. Throws if it is not valid. */
export function checkedRange(range: ReplayRange): CheckedRange {
  return withDefaults(requireCallOptions(WHAT, "replayIntoScratch", range, RANGE));
}

function withDefaults({ after = 0, to = Infinity, types, streams }: ReplayRange): CheckedRange {
  if (!isCount(after) || !(to === Infinity || isCount(to)) || to < after)
    throw invalid(WHAT, "`after` and `to` are no range of positions");
  requireTexts(WHAT, "types", types);
  requireTexts(WHAT, "streams", streams);
  return { after, to, ...(types && { types }), ...(streams && { streams }) };
}

/** The range of `replay` with its defaults, and the function. Throws if one is not valid. */
export function checkedReplay(options: ReplayOptions): CheckedRange & Pick<ReplayOptions, "into"> {
  const range = withDefaults(requireCallOptions(WHAT, "replay", options, OPTIONS));
  const { into } = options;
  if (typeof into === "function") return { ...range, into };
  throw invalid(WHAT, `\`into\` is ${shown(into)}, which is not a function`);
}

/** Returns the number of events that `into` received. */
export async function replay(
  { domain, store, env }: { readonly domain: DomainDefinition; readonly store: EventStore; readonly env: Env },
  log: LogName,
  options: ReplayOptions,
): Promise<number> {
  const { after, to, types, streams, into } = checkedReplay(options);
  const end = await endOf(store, log, to);
  let count = 0;
  for await (const records of pagesTo({ store, env }, log, end)) {
    for (const record of records) {
      for (let n = 0; n < record.events.length; n++) {
        const position = record.position + n;
        if (position <= after || position > end) continue;
        for (const event of readableEvents(domain, record, n)) {
          if (!(types?.includes(event.type) ?? true) || !(streams?.includes(event.stream) ?? true)) continue;
          await into(event);
          count++;
        }
      }
    }
  }
  return count;
}

/** The last position of a range that ends at `to`, or at the head. */
export async function endOf(store: EventStore, log: LogName, to: number): Promise<number> {
  const head = await store.head(log);
  if (head.kind === "gone") throw gone(log);
  return Math.min(to, head.kind === "open" ? positionOf(head.cursor) : 0);
}

/**
 * The records up to a position, page by page. Other work of the server continues after each page. It throws if a
 * restore replaces the log between two pages. Otherwise a caller would take a part for the whole.
 */
export async function* pagesTo(
  { store, env }: { readonly store: EventStore; readonly env: Pick<Env, "nextTurn"> },
  log: LogName,
  end: number,
): AsyncGenerator<readonly CommitRecord[], void, undefined> {
  for (let cursor: Cursor | null = null; positionOf(cursor) < end;) {
    const page = await store.read(log, cursor, PAGE);
    if (page.kind === "gone") throw gone(log);
    const last = page.kind === "page" ? page.records.at(-1) : undefined;
    if (page.kind !== "page" || !last) throw replaced(log, cursor);
    cursor = last.cursor;
    yield page.records.map((stored) => recordIn(log, stored));
    await env.nextTurn();
  }
}
