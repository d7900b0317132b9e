/**
 * Folds a page of records into the rows of one read model, with the fold of the device. Pure.
 *
 *     records ── streamsIn ──> read states ── foldStates ──> steps ── keysIn ──> read rows ── foldPage ──> changes
 *
 * Guarantees (fold-page.test.ts):
 * - The rows are those of a device that folds the same records, byte for byte.
 * - An event that cannot be folded is parked, and the next event is folded. An event is folded whole or parked whole.
 * - A handler that writes into an event or a state parks the event, and changes neither.
 * - A damaged record parks its events and those behind it in its streams (server-log.damaged-record.test.ts).
 * - A row above 1 MiB parks the event that makes it so large, wherever the page ends.
 */
import type { DomainDefinition, ProjectionDefinition } from "../../core/domain/definition.ts";
import {
  emptyStream,
  type FoldedStream,
  foldRows,
  type FoldStep,
  foldStream,
  type StreamState,
} from "../../core/fold/fold.ts";
import type { CommitRecord } from "../../core/history/record.ts";
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { eventId } from "../../core/values/id.ts";
import { deepFreeze, type Json, parseOwnJson } from "../../core/values/json.ts";
import { aggregateOf } from "../../core/values/names.ts";
import type { StreamName } from "../../core/values/ids.ts";
import { DAMAGED_RECORD } from "../base/parked-error.ts";
import { type RowChange, ROW_BYTES_MAX } from "../stores/model-store.ts";
import type { SqlStatement } from "../stores/sql-tables.ts";
import { foldSql, NONE_REFUSED, type RefusedEvents } from "./fold-sql.ts";
import type { ParkedEvent } from "./follower-notes.ts";
import { type ReadModel, ROWS, STATES } from "./read-model.ts";
import { rowText } from "./row-text.ts";

/** Stored texts of a table by key. Undefined: the table has no such key. */
export type StoredTexts = ReadonlyMap<string, string | null | undefined>;

export type FoldedStates = {
  readonly steps: readonly FoldStep[];
  /** The states of the touched streams after the page. */
  readonly states: ReadonlyMap<string, StreamState>;
  readonly parked: readonly ParkedEvent[];
  readonly hasUnknown: boolean;
};

/** The type of the events of a damaged record. No event of a domain has an empty name. */
export const DAMAGED_TYPE = "";

/** The streams of the model's aggregates in these records, each once. */
export function streamsIn({ projection }: ReadModel, records: readonly CommitRecord[]): readonly string[] {
  const streams = new Set<string>();
  for (const { events } of records)
    for (const { stream } of events) if (projection.from.has(aggregateOf(stream))) streams.add(stream);
  return [...streams];
}

/** True if this code cannot fold an event of the record that newer code may know. */
export function isUnknownTo({ domain, projection }: ReadModel, { events }: CommitRecord): boolean {
  return events.some(({ stream, type, v }) => {
    const aggregate = aggregateOf(stream);
    if (!projection.from.has(aggregate)) return false;
    const definition = domain.aggregates.get(aggregate);
    return v > Math.max(definition?.events.get(type)?.version ?? 0, definition?.former.get(type)?.version ?? 0);
  });
}

/**
 * Folds the records into the states of their streams, and returns the steps that the rows are folded from. With `only`,
 * it folds the events of one stream.
 */
export function foldStates(
  model: ReadModel,
  records: readonly CommitRecord[],
  storedState: (stream: StreamName) => StreamState | undefined,
  only?: StreamName,
): FoldedStates {
  const { domain, projection } = model;
  const states = new Map<string, StreamState>();
  const steps: FoldStep[] = [];
  const parked: ParkedEvent[] = [];
  for (const record of records) {
    for (const [n, { stream, type }] of record.events.entries()) {
      if (!projection.from.has(aggregateOf(stream)) || (only ?? stream) !== stream) continue;
      const at = states.get(stream) ?? storedState(stream) ?? emptyStream(domain, stream);
      const folded = type === DAMAGED_TYPE ? damagedAt(at, record, n) : foldStream(domain, at, record, n);
      states.set(stream, folded.next);
      // Handlers share the events and states, and a state that one of them changed would be stored.
      steps.push(...deepFreeze(folded.steps));
      if (folded.next.unreadable) parked.push(parkedAt(record, n, folded.next.unreadable.reason));
    }
  }
  return { steps, states, parked, hasUnknown: records.some((record) => isUnknownTo(model, record)) };
}

/**
 * The keys of the rows that these steps read and write. A key function that throws has none, and parks its event. It
 * ends behind the event with which the keys are more than `max`.
 */
export function keysIn({ projection }: ReadModel, steps: readonly FoldStep[], max = Infinity): readonly string[] {
  const keys = new Set<string>();
  for (const { event, before, after } of steps) {
    if (keys.size > max) break;
    if (!projection.handles(event.aggregate, event.type)) continue;
    try {
      for (const key of projection.keys(event, before, after)) keys.add(key);
    } catch {
      // `foldRows` calls the function again and reports the reason.
    }
  }
  return [...keys];
}

/**
 * Folds the steps into rows or statements, and returns the changes. A null text of `stored` is a tombstone. Events of
 * `refused` are parked.
 */
export function foldPage(
  model: ReadModel,
  { steps, parked }: Pick<FoldedStates, "steps" | "parked">,
  stored: StoredTexts,
  refused: RefusedEvents = NONE_REFUSED,
): FoldedPage {
  const folded = new PageFold(model).fold(steps, stored, refused);
  return {
    changes: model.sql ? [] : [rowsChange(model.follower, folded.rows)],
    statements: folded.statements,
    parked: [...parked, ...folded.parked].sort((left, right) => left.position - right.position),
  };
}

/** The fold of steps into rows or statements, for a caller that folds many pages. */
export class PageFold {
  readonly #model: ReadModel;
  readonly #texts: ModelWithTexts;

  constructor(model: ReadModel) {
    this.#model = model;
    this.#texts = withTexts(model);
  }

  fold(steps: readonly FoldStep[], stored: Pick<StoredTexts, "get">, refused: RefusedEvents): FoldedRows {
    if (this.#model.sql) return { rows: NO_ROWS, ...foldSql(this.#model, steps, refused) };
    return foldTexts(this.#texts, steps, stored);
  }
}

/** The change of the table of rows of a follower. */
export function rowsChange(follower: string, rows: ChangedRows): RowChange {
  const set: [string, string][] = [];
  const remove: string[] = [];
  for (const [key, { text }] of rows) {
    if (text === undefined) remove.push(key);
    else set.push([key, text]);
  }
  return { follower, table: ROWS, set, remove };
}

/** The change of the table of states of a follower. */
export function statesChange(follower: string, states: FoldedStates["states"]): RowChange {
  const set = [...states].map(([stream, state]) => [stream, stateText(state)] as const);
  return { follower, table: STATES, set, remove: [] };
}

export type FoldedPage = {
  /** The changed rows. */
  readonly changes: readonly RowChange[];
  /** The statements of a SQL model, in the order of the events. */
  readonly statements: readonly SqlStatement[];
  readonly parked: readonly ParkedEvent[];
};

/** A row that a fold changed. No text: the row is removed. */
export type ChangedRow = { readonly row: Json; readonly text: string | undefined };

/** Changed rows by key. */
export type ChangedRows = ReadonlyMap<string, ChangedRow>;

const NO_ROWS: ChangedRows = new Map();
const NO_STATEMENTS: readonly SqlStatement[] = [];

/** The same, with the changed rows by key. */
export type FoldedRows = Omit<FoldedPage, "changes"> & { readonly rows: ChangedRows };

function foldTexts(
  { domain, texts: applied }: ModelWithTexts,
  steps: readonly FoldStep[],
  stored: Pick<StoredTexts, "get">,
): FoldedRows {
  applied.clear();
  const rows = new Map<string, ChangedRow>();
  const parked: ParkedEvent[] = [];
  // Each stored row is read once, because a lookup among many rows costs as much as the fold of one.
  let absent: Set<string> | undefined;
  for (const step of steps) {
    foldRows(
      domain,
      {
        row: (_, key) => {
          const changed = rows.get(key);
          if (changed) return changed.row ?? undefined;
          const text = stored.get(key);
          if (text === null) (absent ??= new Set()).add(key);
          return rowOf(key, text);
        },
        setRow: (_, key, row) => {
          if (absent?.has(key) !== true) rows.set(key, { row, text: applied.get(key) });
        },
        park: ({ event, stream, reason }) => {
          parked.push({ event, stream, position: step.event.position ?? 0, reason });
        },
      },
      step,
      // `withTexts` has checked it.
      () => {},
    );
  }
  return { rows, parked, statements: NO_STATEMENTS };
}

type ModelWithTexts = {
  readonly domain: DomainDefinition;
  /** No entry: the row is removed. */
  readonly texts: Map<string, string>;
};

/**
 * The same model, with the text of the row that each key got last. A row that cannot be stored throws, so that its
 * event is parked. Each row is checked and not only the last one of a page. Otherwise the rows would depend on the
 * pages.
 */
function withTexts({ projection, domain, name }: ReadModel): ModelWithTexts {
  const texts = new Map<string, string>();
  const apply: ProjectionDefinition["apply"] = (row, event) => {
    const next = projection.apply(row, event);
    texts.delete(event.key);
    if (next === null) return null;
    texts.set(event.key, rowText(name, event.key, next));
    return next;
  };
  return { domain: { ...domain, projections: new Map([[name, { ...projection, apply }]]) }, texts };
}

function rowOf(key: string, text: string | null | undefined): Json | undefined {
  if (typeof text !== "string") return undefined;
  try {
    return parseOwnJson<Json>(text);
  } catch (cause) {
    throw new Error(`the stored row ${key} is no JSON. Rebuild the rows`, { cause });
  }
}

/** True for the text of a stored row that somebody changed to no JSON. */
export function isDamaged(key: string, text: string | null | undefined): boolean {
  try {
    rowOf(key, text);
    return false;
  } catch {
    return true;
  }
}

/** The state of a stored text. */
export function stateOf(text: string | null | undefined): StreamState | undefined {
  return typeof text === "string" ? parseOwnJson<StreamState>(text) : undefined;
}

/** The text of a state. A state above 1 MiB cannot be stored, so its stream is unreadable from there on. */
function stateText(state: StreamState): string {
  const text = JSON.stringify(state);
  if (!exceedsBytes(text, ROW_BYTES_MAX)) return text;
  const reason = `the state of the stream has more than ${ROW_BYTES_MAX} bytes`;
  return JSON.stringify({ version: state.version, state: null, unreadable: { event: "", reason } });
}

/** The stream of an event whose stored record is damaged: unreadable from there on. */
function damagedAt({ state, unreadable }: StreamState, { commit, events }: CommitRecord, n: number): FoldedStream {
  const reason = { event: eventId(commit, n), reason: DAMAGED_RECORD };
  return { next: { version: events[n]?.version ?? 0, state, unreadable: unreadable ?? reason }, steps: [] };
}

function parkedAt(record: CommitRecord, n: number, reason: string): ParkedEvent {
  const stream = record.events[n]?.stream ?? "";
  return { event: eventId(record.commit, n), stream, position: record.position + n, reason };
}
