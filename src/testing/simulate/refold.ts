/** The checker's own fold: records to rows and states, with nothing of the product but the domain's own functions. */
import type { DomainDefinition } from "../../core/definition.ts";
import type { Json } from "../../core/json.ts";
import { canonical, type PlainRecord } from "./plain-record.ts";

/** Rows by projection and key, as canonical texts. */
export function refold(records: readonly PlainRecord[], domain: DomainDefinition): ReadonlyMap<string, string> {
  const states = new Map<string, Json>();
  const rows = new Map<string, Json>();
  for (const record of records) {
    for (const [n, event] of record.events.entries()) {
      const before = stateOf(states, event.stream, domain);
      const after = evolve(before, record, n, domain);
      states.set(event.stream, after);
      const full = fullEvent(record, n, domain);
      for (const projection of domain.projections.values()) {
        if (!projection.handles(full.aggregate, full.type)) continue;
        for (const key of projection.keys(full, before, after)) {
          const place = `${projection.name} ${key}`;
          const row = projection.apply(rows.get(place) ?? projection.initial, { ...full, key, before, after });
          if (row === null) rows.delete(place);
          else rows.set(place, row);
        }
      }
    }
  }
  return new Map([...rows].map(([place, row]) => [place, canonical(row)]));
}

export function stateOf(states: ReadonlyMap<string, Json>, stream: string, domain: DomainDefinition): Json {
  return states.get(stream) ?? domain.aggregates.get(stream.slice(0, stream.indexOf("/")))?.initial ?? null;
}

export function evolve(state: Json, record: Pick<PlainRecord, "commit" | "time" | "actor" | "client" | "meta" | "events" | "position">, n: number, domain: DomainDefinition): Json {
  const event = fullEvent(record, n, domain);
  return domain.aggregates.get(event.aggregate)?.evolve(state, event) ?? null;
}

function fullEvent({ commit, time, actor, client, meta, events, position }: Parameters<typeof evolve>[1], n: number, domain: DomainDefinition) {
  const event = events[n];
  if (!event) throw new Error(`There is no event ${n} in ${commit}`);
  const aggregate = event.stream.slice(0, event.stream.indexOf("/"));
  const definition = domain.aggregates.get(aggregate)?.events.get(event.type);
  // Texts that were parsed as JSON are JSON.
  const data = event.data as Json;
  return {
    id: `${commit}:${n}`, type: event.type, aggregate, stream: event.stream, version: event.version, position: position + n, time, actor, client, meta: meta as Json,
    data: definition && event.v < definition.version ? definition.upcast(event.v, data) : data,
  };
}
