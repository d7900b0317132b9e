/**
 * Row tables in two layers: rows of confirmed records, and over them the rows that pending commits touch.
 *
 * Guarantees (test/unit/core/fold/rows.test.ts, test/unit/core/replica/replica.test.ts):
 * - A reader sees the overlay's row if there is one, otherwise the confirmed row.
 * - The confirmed layer never depends on pending commits. Dropping the overlay restores exactly the confirmed rows.
 */
import type { DomainDefinition } from "../domain/definition.ts";
import { emptyStream, type FoldTarget, type Parked, type StreamState } from "./fold.ts";
import { type Json, sameJson } from "../values/json.ts";
import type { StreamName } from "../values/ids.ts";

/** A row as a reader sees it. `pending`: it depends on a commit that the server has not ordered yet. */
export type RowEntry = { readonly key: string; readonly row: Json; readonly pending: boolean };

/** The changes of one table: rows that are new or different, and keys whose row was removed. */
export type RowDelta = {
  readonly projection: string;
  readonly set: readonly RowEntry[];
  readonly removed: readonly string[];
};

/** Parked events that are kept for the status. More events are only counted. */
export const PARKED_MAX = 100;

/** The table name under which states of streams are reported. No projection can have this name. */
export const STREAMS_TABLE = "$streams";

/** Called before each write of a row or of a stream's state. */
export type BeforeWrite = (projection: string, key: string) => void;

/** Rows and states of confirmed records. */
export class ConfirmedRows implements FoldTarget {
  readonly streams = new Map<string, StreamState>();
  readonly tables = new Map<string, Map<string, Json>>();
  readonly parked: Parked[] = [];
  parkedCount = 0;
  readonly #domain: DomainDefinition;
  readonly #beforeWrite: BeforeWrite;

  constructor(domain: DomainDefinition, beforeWrite: BeforeWrite) {
    this.#domain = domain;
    this.#beforeWrite = beforeWrite;
    for (const name of domain.projections.keys()) this.tables.set(name, new Map());
  }

  stream(stream: StreamName): StreamState {
    return this.streams.get(stream) ?? emptyStream(this.#domain, stream);
  }

  setStream(stream: StreamName, state: StreamState): void {
    this.#beforeWrite(STREAMS_TABLE, stream);
    this.streams.set(stream, state);
  }

  row(projection: string, key: string): Json | undefined {
    return this.tables.get(projection)?.get(key);
  }

  setRow(projection: string, key: string, row: Json): void {
    this.#beforeWrite(projection, key);
    const table = this.tables.get(projection);
    if (row === null) table?.delete(key);
    else table?.set(key, row);
  }

  park(parked: Parked): void {
    this.parkedCount++;
    if (this.parked.length < PARKED_MAX) this.parked.push(parked);
  }
}

/** The changes of pending commits over confirmed rows. A null row hides a confirmed row. */
export class OverlayRows implements FoldTarget {
  readonly streams = new Map<string, StreamState>();
  readonly tables = new Map<string, Map<string, Json>>();
  readonly parked: Parked[] = [];
  parkedCount = 0;
  /** Rows that folding has read, also if a handler then threw. */
  readonly #read = new Map<string, Set<string>>();
  readonly #confirmed: ConfirmedRows;
  readonly #beforeWrite: BeforeWrite;

  constructor(confirmed: ConfirmedRows, beforeWrite: BeforeWrite) {
    this.#confirmed = confirmed;
    this.#beforeWrite = beforeWrite;
  }

  stream(stream: StreamName): StreamState {
    return this.streams.get(stream) ?? this.#confirmed.stream(stream);
  }

  setStream(stream: StreamName, state: StreamState): void {
    this.streams.set(stream, state);
  }

  row(projection: string, key: string): Json | undefined {
    let read = this.#read.get(projection);
    if (!read) this.#read.set(projection, (read = new Set()));
    read.add(key);
    const row = this.tables.get(projection)?.get(key);
    if (row === null) return undefined;
    return row ?? this.#confirmed.row(projection, key);
  }

  setRow(projection: string, key: string, row: Json): void {
    this.#beforeWrite(projection, key);
    let table = this.tables.get(projection);
    if (!table) this.tables.set(projection, (table = new Map<string, Json>()));
    table.set(key, row);
  }

  park(parked: Parked): void {
    this.parkedCount++;
    if (this.parked.length < PARKED_MAX) this.parked.push(parked);
  }

  /** True if a row of the overlay was computed from this confirmed row, or from its absence. */
  hasRead(projection: string, key: string): boolean {
    return this.#read.get(projection)?.has(key) === true;
  }

  dropStream(stream: StreamName): void {
    this.streams.delete(stream);
  }

  dropRows(): void {
    for (const [projection, table] of this.tables) for (const key of table.keys()) this.#beforeWrite(projection, key);
    this.tables.clear();
    this.#read.clear();
    this.parked.length = 0;
    this.parkedCount = 0;
  }

  /** The row that a reader sees, or null. */
  entry(projection: string, key: string): RowEntry | null {
    const pending = this.tables.get(projection)?.get(key);
    const row = pending === undefined ? this.#confirmed.row(projection, key) : pending;
    return row === undefined || row === null ? null : { key, row, pending: pending !== undefined };
  }
}

/** Collects the keys that may have changed, and computes which rows a reader now sees differently. */
export class RowChanges {
  readonly #before = new Map<string, Map<string, RowEntry | null>>();

  /** Records the entry of a key before its first change. Later calls for the key change nothing. */
  touch(projection: string, key: string, before: RowEntry | null): void {
    let table = this.#before.get(projection);
    if (!table) this.#before.set(projection, (table = new Map<string, RowEntry | null>()));
    if (!table.has(key)) table.set(key, before);
  }

  /** Returns the changes since the last call, and starts again from nothing. */
  drain(
    now: (projection: string, key: string) => RowEntry | null,
    which: "changed" | "all touched" = "changed",
  ): RowDelta[] {
    const deltas: RowDelta[] = [];
    for (const [projection, keys] of this.#before) {
      const set: RowEntry[] = [];
      const removed: string[] = [];
      for (const [key, before] of keys) {
        const entry = now(projection, key);
        if (entry === null) {
          if (before !== null || which === "all touched") removed.push(key);
        } else if (
          which === "all touched" ||
          before === null ||
          before.pending !== entry.pending ||
          !sameJson(before.row, entry.row)
        )
          set.push(entry);
      }
      if (set.length > 0 || removed.length > 0) deltas.push({ projection, set, removed });
    }
    this.#before.clear();
    return deltas;
  }
}
