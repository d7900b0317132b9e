/** Folds a range of a log into rows in memory, for the code of the server. It stores nothing. */
import type { StreamState } from "../../core/fold/fold.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Json, parseOwnJson } from "../../core/values/json.ts";
import { invalid } from "../base/check-arguments.ts";
import type { Env } from "../base/env.ts";
import { foldPage, foldStates } from "../read-models/fold-page.ts";
import type { ParkedEvent } from "../read-models/follower-notes.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { EventStore } from "../stores/event-store.ts";
import { compareKeys } from "../stores/row-keys.ts";
import { noRows } from "./log-errors.ts";
import { checkedRange, endOf, pagesTo, type ReplayRange } from "./replay.ts";

/** The rows that the events of a range make. */
export type ScratchRows<Row> = {
  /** The rows in the order of the UTF-8 bytes of their keys. */
  readonly rows: readonly { readonly key: string; readonly row: Row }[];
  /** The events of the range that belong to the aggregates of the model. */
  readonly events: number;
  /** The events that could not be folded. */
  readonly parked: readonly ParkedEvent[];
};

/** Characters of all rows. They are in memory. */
const CHARACTERS_MAX = 64 * 1024 * 1024;

/**
 * The rows begin empty. The states of the streams are those of the whole log before the range, so that `before` and
 * `after` of each event are right.
 */
export async function replayIntoScratch<Row>(
  { store, env }: { readonly store: EventStore; readonly env: Env },
  log: LogName,
  model: ReadModel,
  range: ReplayRange,
): Promise<ScratchRows<Row>> {
  if (model.sql) throw noRows("The log cannot be replayed", model, "replay into a function");
  const { after, to, types, streams } = checkedRange(range);
  const end = await endOf(store, log, to);
  const states = new Map<string, StreamState>();
  const rows = new Map<string, string>();
  const parked: ParkedEvent[] = [];
  let [events, characters] = [0, 0];
  const isInRange = (position: number | null, stream: string): boolean =>
    position !== null && position > after && position <= end && (streams?.includes(stream) ?? true);
  for await (const records of pagesTo({ store, env }, log, end)) {
    const folded = foldStates(model, records, (stream) => states.get(stream));
    for (const [stream, state] of folded.states) states.set(stream, state);
    const steps = folded.steps.filter(
      ({ event }) => isInRange(event.position, event.stream) && (types?.includes(event.type) ?? true),
    );
    events += steps.length;
    const inRange = folded.parked.filter(({ position, stream }) => isInRange(position, stream));
    const { changes, parked: more } = foldPage(model, { ...folded, steps, parked: inRange }, rows);
    parked.push(...more);
    for (const { set, remove } of changes) {
      for (const key of [...remove, ...set.map(([one]) => one)]) {
        characters -= rows.get(key)?.length ?? 0;
        rows.delete(key);
      }
      for (const [key, text] of set) if (text !== null) rows.set(key, text);
      for (const [, text] of set) characters += text?.length ?? 0;
    }
    if (characters > CHARACTERS_MAX)
      throw invalid("The log cannot be replayed", "the rows have more than 64 MiB. Choose a smaller range");
  }
  const keys = [...rows.keys()].sort(compareKeys);
  return { rows: keys.map((key) => ({ key, row: parseOwnJson<Row & Json>(rows.get(key) ?? "null") })), events, parked };
}
