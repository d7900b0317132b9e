/**
 * The checker's own fold from records to rows and states. It shares only the domain's own functions with the product.
 *
 * Guarantees:
 * - A stream stops at the first event that the domain cannot fold.
 * - A projection skips an event that it cannot fold.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { Json } from "../../core/values/json.ts";
import { canonical, type PlainRecord } from "./plain-record.ts";

export type Streams = Map<string, { readonly state: Json; readonly stuck: boolean }>;

type Unplaced = Pick<PlainRecord, "commit" | "time" | "actor" | "client" | "meta" | "events" | "position">;

/** Rows by projection and key, as canonical texts. */
export function refold(records: readonly PlainRecord[], domain: DomainDefinition): ReadonlyMap<string, string> {
  const streams: Streams = new Map();
  const rows = new Map<string, Json>();
  for (const record of records) {
    for (const n of record.events.keys()) {
      for (const step of evolve(streams, record, n, domain) ?? []) foldRows(rows, step, domain);
    }
  }
  return new Map([...rows].map(([id, row]) => [id, canonical(row)]));
}

/** Streams with an event that this release cannot fold. */
export function stuckStreams(records: readonly PlainRecord[], domain: DomainDefinition): ReadonlySet<string> {
  const streams: Streams = new Map();
  for (const record of records) for (const n of record.events.keys()) evolve(streams, record, n, domain);
  return new Set([...streams].flatMap(([stream, { stuck }]) => (stuck ? [stream] : [])));
}

/** False: this release cannot fold an event of the records into its stream, or into the rows of a projection. */
export function canFold(records: readonly PlainRecord[], domain: DomainDefinition): boolean {
  const streams: Streams = new Map();
  const rows = new Map<string, Json>();
  return records.every((record) =>
    [...record.events.keys()].every((n) =>
      evolve(streams, record, n, domain)?.every((step) => foldRows(rows, step, domain)),
    ),
  );
}

export function stateOf(streams: Streams, stream: string, domain: DomainDefinition): Json {
  return streams.get(stream)?.state ?? domain.aggregates.get(aggregateOf(stream))?.initial ?? null;
}

type Step = { readonly event: DomainEvent; readonly before: Json; readonly after: Json };

/** Folds the n-th event of a record into its stream. Null if the stream has stopped. */
export function evolve(
  streams: Streams,
  record: Unplaced,
  n: number,
  domain: DomainDefinition,
): readonly Step[] | null {
  const given = record.events[n];
  if (!given) throw new Error(`There is no event ${n} in ${record.commit}`);
  const { stream, type, v } = given;
  const initial = stateOf(streams, stream, domain);
  const aggregate = domain.aggregates.get(aggregateOf(stream));
  const definition = aggregate?.events.get(type);
  const former = aggregate?.former.get(type);
  try {
    const isFormer = former !== undefined && v <= former.version;
    if (streams.get(stream)?.stuck || !aggregate || (!isFormer && (!definition || v > definition.version)))
      throw new Error("This release does not know the event");
    // The casts are safe, because the record was parsed from JSON.
    const [data, meta] = [given.data as Json, record.meta as Json];
    const { commit, time, actor, client, position } = record;
    const place = { aggregate: aggregate.name, stream, version: given.version, position: position + n };
    const present = definition && v < definition.version ? definition.upcast(v, data) : data;
    const drafts = isFormer ? former.upcast(v, data) : [{ type, data: present }];
    const steps: Step[] = [];
    let state = initial;
    for (const [index, draft] of drafts.entries()) {
      const id = index === 0 ? `${commit}:${n}` : `${commit}:${n}.${index}`;
      const event: DomainEvent = { id, ...place, time, actor, client, meta, correlation: commit, ...draft };
      const after = aggregate.evolve(state, event);
      steps.push({ event, before: state, after });
      state = after;
    }
    streams.set(stream, { state, stuck: false });
    return steps;
  } catch {
    streams.set(stream, { state: initial, stuck: true });
    return null;
  }
}

/** Folds a step into the rows, which have the keys of `refold`. False: a projection skipped the event. */
export function foldRows(rows: Map<string, Json>, { event, before, after }: Step, domain: DomainDefinition): boolean {
  let isWhole = true;
  for (const projection of domain.projections.values()) {
    if (!projection.handles(event.aggregate, event.type)) continue;
    const changes = new Map<string, Json>();
    try {
      for (const key of projection.keys(event, before, after)) {
        const id = `${projection.name} ${key}`;
        changes.set(id, projection.apply(rows.get(id) ?? projection.initial, { ...event, key, before, after }));
      }
    } catch {
      isWhole = false;
      continue;
    }
    for (const [id, row] of changes) {
      if (row === null) rows.delete(id);
      else rows.set(id, row);
    }
  }
  return isWhole;
}

function aggregateOf(stream: string): string {
  return stream.slice(0, stream.indexOf("/"));
}
