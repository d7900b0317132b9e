/**
 * The model of a device: it folds everything from the first record each time, with the simplest code.
 *
 * It shares no line with `fold`, `rows` and `replica`. Only the outcome of one commit comes from `reconcileCommit`.
 */
import type { Commit } from "../../../src/core/history/commit.ts";
import type { DomainDefinition } from "../../../src/core/domain/definition.ts";
import type { DomainEvent } from "../../../src/core/domain/event.ts";
import type { StreamState } from "../../../src/core/fold/fold.ts";
import type { Json } from "../../../src/core/values/json.ts";
import { type CommitRecord, readableEvents, type PendingRecord } from "../../../src/core/history/record.ts";
import { reconcileCommit, type Reconciled, type StreamWindow } from "../../../src/core/decide/reconcile-commit.ts";

export type NaiveTables = {
  readonly streams: Map<string, StreamState>;
  readonly rows: Map<string, Map<string, Json>>;
  /** Rows that the last records touched, by projection. */
  readonly touched: Map<string, Set<string>>;
};

export function naiveTables(domain: DomainDefinition): NaiveTables {
  const names = [...domain.projections.keys()];
  return {
    streams: new Map(),
    rows: new Map(names.map((name) => [name, new Map<string, Json>()])),
    touched: new Map(names.map((name) => [name, new Set()])),
  };
}

export function naiveFold(domain: DomainDefinition, tables: NaiveTables, record: CommitRecord | PendingRecord): void {
  record.events.forEach((stored, n) => {
    const [aggregateName = ""] = stored.stream.split("/");
    const aggregate = domain.aggregates.get(aggregateName);
    const definition = aggregate?.events.get(stored.type);
    const at = naiveState(domain, tables, stored.stream);
    const unreadable = (reason: string): void => {
      tables.streams.set(stored.stream, {
        ...at,
        version: stored.version,
        unreadable: at.unreadable ?? { event: `${record.commit}:${n}`, reason },
      });
    };
    if (at.unreadable || !aggregate || !definition || stored.v > definition.version) return unreadable("unknown");
    let event: DomainEvent;
    let after: Json;
    try {
      const data = stored.v < definition.version ? definition.upcast(stored.v, stored.data) : stored.data;
      const { type, stream, version } = stored;
      const { time, actor, client, meta } = record;
      event = {
        id: `${record.commit}:${n}`,
        type,
        data,
        aggregate: aggregateName,
        stream,
        version,
        position: record.position === null ? null : record.position + n,
        time,
        actor,
        client,
        meta,
        correlation: record.commit,
      };
      after = aggregate.evolve(at.state, event);
    } catch {
      return unreadable("threw");
    }
    tables.streams.set(stored.stream, { version: stored.version, state: after, unreadable: null });
    for (const projection of domain.projections.values()) {
      if (!projection.handles(aggregateName, stored.type)) continue;
      const table = tables.rows.get(projection.name) ?? new Map<string, Json>();
      const written = new Map<string, Json>();
      try {
        for (const key of projection.keys(event, at.state, after)) {
          written.set(
            key,
            projection.apply(table.get(key) ?? projection.initial, { ...event, key, before: at.state, after }),
          );
        }
      } catch {
        continue;
      }
      for (const [key, row] of written) {
        tables.touched.get(projection.name)?.add(key);
        if (row === null) table.delete(key);
        else table.set(key, row);
      }
    }
  });
}

export function naiveState(domain: DomainDefinition, tables: NaiveTables, stream: string): StreamState {
  const [aggregate = ""] = stream.split("/");
  return (
    tables.streams.get(stream) ?? {
      version: 0,
      state: domain.aggregates.get(aggregate)?.initial ?? null,
      unreadable: null,
    }
  );
}

/** All events of a stream in some records. */
export function eventsOf(domain: DomainDefinition, records: readonly CommitRecord[], stream: string): DomainEvent[] {
  return records.flatMap((record) =>
    record.events.flatMap((event, n) => (event.stream === stream ? readableEvents(domain, record, n) : [])),
  );
}

/** The rows, pending flags and forecasts of a device with these records and these pending commits. */
export function naiveDevice(
  domain: DomainDefinition,
  records: readonly CommitRecord[],
  pending: readonly Commit[],
  now: number,
) {
  const tables = naiveTables(domain);
  for (const record of records) naiveFold(domain, tables, record);
  for (const touched of tables.touched.values()) touched.clear();
  const forecasts: Reconciled[] = [];
  for (const commit of pending) {
    const window = (stream: string): StreamWindow => ({
      current: naiveState(domain, tables, stream),
      from: 0,
      since: eventsOf(domain, records, stream),
      authored: null,
    });
    const forecast = reconcileCommit(domain, commit, { mode: "device", now, window });
    forecasts.push(forecast);
    if (forecast.kind === "events")
      naiveFold(domain, tables, { ...commit, commit: commit.id, position: null, events: forecast.events });
  }
  const entries = new Map(
    [...tables.rows].map(
      ([name, table]) =>
        [
          name,
          [...table].map(([key, row]) => ({ key, row, pending: tables.touched.get(name)?.has(key) === true })),
        ] as const,
    ),
  );
  return { tables, forecasts, entries };
}
