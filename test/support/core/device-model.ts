/**
 * A device beside its model: a replica that gets records step by step, and everything that the model needs to fold from
 * the first record.
 *
 * `check` compares the replica, the model, and the rows that a page has after applying all deltas.
 */
import { expect } from "vitest";
import type { Commit } from "../../../src/core/history/commit.ts";
import type { CommandRequest, DomainDefinition } from "../../../src/core/domain/definition.ts";
import { proposeCommit } from "../../../src/core/decide/propose-commit.ts";
import { type Cursor, lastPosition, positionOf } from "../../../src/core/history/record.ts";
import { endsCommit, Replica } from "../../../src/core/replica/replica.ts";
import type { ConfirmedRows, RowEntry } from "../../../src/core/fold/rows.ts";
import { naiveDevice } from "./naive-fold.ts";
import { push, type ServerModel } from "./server-model.ts";
import { parseOwnJson } from "../own-json.ts";
import type { StreamState } from "../../../src/core/fold/fold.ts";
import type { Json } from "../../../src/core/values/json.ts";

/** The clock of all devices. It is fixed, because a forecast depends on the time. */
export const NOW = 1_700_000_000_000;

type Pending = { readonly commit: Commit; readonly at: Cursor | null };
/** Stored rows as JSON text. */
type Snapshot = { readonly cursor: Cursor | null; readonly text: string };

export class DeviceModel {
  readonly #domain: DomainDefinition;
  readonly #author: { readonly client: string; readonly actor: string };
  readonly #newId: () => string;
  readonly #mirror = new Map<string, Map<string, RowEntry>>();
  #replica: Replica;
  #applied = 0;
  #pending: Pending[] = [];
  #snapshot: Snapshot | null = null;
  /** Commits whose outcome this device does not know yet. */
  #unsettled: string[] = [];

  constructor(
    domain: DomainDefinition,
    author: { readonly client: string; readonly actor: string },
    newId: () => string,
  ) {
    this.#domain = domain;
    this.#author = author;
    this.#newId = newId;
    this.#replica = new Replica(domain);
  }

  get replica(): Replica {
    return this.#replica;
  }

  get pending(): readonly Commit[] {
    return this.#pending.map(({ commit }) => commit);
  }

  execute(requests: readonly CommandRequest[]): void {
    const proposed = proposeCommit(this.#domain, this.#replica, requests, {
      ...this.#author,
      id: this.#newId(),
      time: NOW,
      meta: null,
    });
    if ("defect" in proposed) return;
    this.#pending.push({ commit: proposed.commit, at: this.#replica.cursor });
    this.#replica.add(proposed.commit, NOW, proposed.decided);
  }

  push(server: ServerModel, count: number): void {
    for (const { commit } of this.#pending.slice(0, count)) {
      push(server, commit, NOW);
      this.#unsettled.push(commit.id);
    }
  }

  /** Applies the next records, all in one page. */
  pull(server: ServerModel, count: number): void {
    const page = server.records.slice(this.#applied, this.#applied + count);
    this.#applied += page.length;
    const arrived = this.#replica.apply(page, NOW);
    const ended = this.#pending.filter(({ commit }) => page.some((record) => endsCommit(record, commit)));
    same(
      arrived.map(({ commit }) => commit.id).sort(compare),
      ended.map(({ commit }) => commit.id).sort(compare),
      "commits that arrived",
    );
    this.#pending = this.#pending.filter((entry) => !ended.includes(entry));
  }

  /** Applies the outcomes of pushed commits. Commits without a record are removed. `twice`: they arrive again later. */
  hear(server: ServerModel, twice: boolean): void {
    const without = this.#unsettled.filter((id) => {
      const outcome = server.outcomes.get(id);
      return outcome?.kind === "rejected" || outcome?.events.length === 0;
    });
    if (!twice) this.#unsettled = [];
    this.#end(new Set(without));
  }

  withdraw(place: number): void {
    const entry = this.#pending[place % Math.max(1, this.#pending.length)];
    if (entry) this.#end(new Set([entry.commit.id]));
  }

  /** Stores the current confirmed rows. */
  store(): void {
    const { streams, tables } = this.#replica.confirmed;
    this.#snapshot = {
      cursor: this.#replica.cursor,
      text: JSON.stringify({ streams: [...streams], tables: [...tables].map(([name, rows]) => [name, [...rows]]) }),
    };
  }

  /** Opens again, from stored rows or from the first record, and compares the rows with the rows of before. */
  restart(server: ServerModel, fromSnapshot: boolean): void {
    const before = this.#replica;
    const snapshot = fromSnapshot ? this.#snapshot : null;
    const replica = new Replica(this.#domain);
    if (snapshot) replica.restore(snapshot.cursor, (confirmed) => fill(confirmed, snapshot.text));
    const known = server.records.slice(0, this.#applied);
    replica.apply(
      known.filter(({ position }) => position > positionOf(replica.cursor)),
      NOW,
    );
    const from = Math.min(...this.#pending.map(({ at }) => positionOf(at)));
    replica.recall(
      known.filter((record) => lastPosition(record) > from),
      this.pending,
    );
    for (const { commit } of this.#pending) replica.add(commit, NOW);
    for (const name of this.#domain.projections.keys())
      same(byKey(replica.entries(name)), byKey(before.entries(name)), `${name} after a restart`);
    same(replica.pending, before.pending, "forecasts after a restart");
    replica.takeDelta();
    this.#replica = replica;
  }

  check(server: ServerModel): void {
    const model = naiveDevice(this.#domain, server.records.slice(0, this.#applied), this.pending, NOW);
    for (const { projection, set, removed } of this.#replica.takeDelta()) {
      const table = this.#mirror.get(projection) ?? new Map<string, RowEntry>();
      this.#mirror.set(projection, table);
      for (const key of removed)
        if (!table.delete(key)) expect.fail(`${key} was reported as removed, and did not exist`);
      for (const entry of set) {
        if (JSON.stringify(table.get(entry.key)) === JSON.stringify(entry))
          expect.fail(`${entry.key} was reported as changed, and is equal`);
        table.set(entry.key, entry);
      }
    }
    for (const [name, entries] of model.entries) {
      same(byKey(this.#replica.entries(name)), byKey(entries), `rows of ${name}`);
      same(byKey([...(this.#mirror.get(name)?.values() ?? [])]), byKey(entries), `a page's rows of ${name}`);
    }
    same(
      this.#replica.pending.map(({ commit }) => commit),
      this.pending,
      "pending commits",
    );
    const shown = this.#replica.pending.map(({ forecast }) =>
      "events" in forecast ? forecast.events : forecast.defect,
    );
    same(
      shown,
      model.forecasts.map((forecast) => (forecast.kind === "events" ? forecast.events : forecast.defect)),
      "forecasts",
    );
    same(
      this.#replica.doubtful,
      this.#replica.pending.filter(({ forecast }) => "defect" in forecast),
      "doubtful commits",
    );
    for (const [stream, { state, version }] of model.tables.streams) {
      const at = this.#replica.stream(stream);
      same([at.version, at.state], [version, state], `state of ${stream}`);
    }
  }

  #end(ids: ReadonlySet<string>): void {
    this.#replica.remove(ids, NOW);
    this.#pending = this.#pending.filter(({ commit }) => !ids.has(commit.id));
  }
}

/** Compares texts first, because a hundred thousand comparisons by a matcher would take minutes. */
function same(given: unknown, expected: unknown, what: string): void {
  if (JSON.stringify(given) !== JSON.stringify(expected)) expect(given, what).toEqual(expected);
}

function byKey(entries: readonly RowEntry[]): readonly RowEntry[] {
  return [...entries].sort((left, right) => compare(left.key, right.key));
}

function compare(left: string, right: string): number {
  return left < right ? -1 : 1;
}

function fill(confirmed: ConfirmedRows, text: string): void {
  const { streams, tables } = parseOwnJson<{
    readonly streams: readonly (readonly [string, StreamState])[];
    readonly tables: readonly (readonly [string, readonly (readonly [string, Json])[]])[];
  }>(text);
  for (const [stream, state] of streams) confirmed.streams.set(stream, state);
  for (const [name, rows] of tables) confirmed.tables.set(name, new Map(rows));
}
