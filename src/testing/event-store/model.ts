/**
 * A simple model of an event store, made of lists that are searched from the beginning each time.
 *
 * Guarantees:
 * - It shares no code with any store, so that both cannot have the same bug.
 */
import { type Cursor, sameCursor } from "../../core/history/record.ts";
import type {
  Append,
  AppendResult,
  KeptOutcome,
  KnownCommit,
  LogHead,
  RenameResult,
  StoredRecord,
} from "../../sync-server/stores/event-store.ts";

export type ModelLog = { records: StoredRecord[]; outcomes: KeptOutcome[]; gone: boolean };

/**
 * The readable records: all after the cursor. Within the limit the store chooses how many of them it returns in a page.
 */
export type ModelRead =
  | { readonly kind: "page"; readonly following: readonly StoredRecord[] }
  | { readonly kind: "diverged" | "absent" | "gone" };

export class EventStoreModel {
  readonly #logs = new Map<string, ModelLog>();

  head(name: string): LogHead {
    const log = this.#logs.get(name);
    if (!log) return { kind: "absent" };
    return log.gone ? { kind: "gone" } : { kind: "open", cursor: endOf(log) };
  }

  append(
    name: string,
    { expected, records, outcomes, forgetOutcomesBefore, outcomesPerActorMax }: Append,
  ): AppendResult {
    const log = this.#logs.get(name) ?? { records: [], outcomes: [], gone: false };
    if (log.gone) return { kind: "gone" };
    const head = endOf(log);
    if (!sameCursor(head, expected)) return { kind: "moved", head };
    const commits = [...records, ...outcomes].map(({ commit }) => commit);
    const known = [
      ...records.filter(
        (one) =>
          log.records.some(({ commit }) => commit === one.commit) ||
          log.outcomes.some(({ commit, actor }) => commit === one.commit && actor === one.actor),
      ),
      ...outcomes.filter(
        (one) =>
          log.records.some(({ commit }) => commit === one.commit) ||
          log.outcomes.some(({ commit, actor }) => commit === one.commit && actor === one.actor),
      ),
    ].map(({ commit }) => commit);
    if (known.length > 0) return { kind: "known", commits: known };
    if (commits.length > 0) this.#logs.set(name, log);
    log.records = [...log.records, ...records];
    log.outcomes = [...log.outcomes, ...outcomes].filter(({ received }) => received >= forgetOutcomesBefore);
    for (const { actor } of outcomes) {
      const own = log.outcomes
        .filter((outcome) => outcome.actor === actor)
        .toSorted((left, right) => left.received - right.received);
      const surplus = own.slice(0, Math.max(0, own.length - outcomesPerActorMax));
      log.outcomes = log.outcomes.filter((outcome) => !surplus.includes(outcome));
    }
    return { kind: "ok" };
  }

  read(name: string, after: Cursor | null): ModelRead {
    const log = this.#logs.get(name);
    if (log?.gone) return { kind: "gone" };
    if (!log) return { kind: after ? "diverged" : "absent" };
    if (after === null) return { kind: "page", following: log.records };
    const at = log.records.findIndex(({ cursor }) => sameCursor(cursor, after));
    return at < 0 ? { kind: "diverged" } : { kind: "page", following: log.records.slice(at + 1) };
  }

  readStream(name: string, stream: string, after: number): readonly StoredRecord[] {
    return this.records(name).filter(({ streams }) =>
      streams.some((range) => range.stream === stream && range.last > after),
    );
  }

  written(name: string, streams: readonly string[]): readonly string[] {
    return streams.filter((stream) => this.readStream(name, stream, 0).length > 0);
  }

  known(name: string, commits: readonly string[]): Map<string, KnownCommit> {
    const log = this.#logs.get(name);
    const known = new Map<string, KnownCommit>();
    if (!log || log.gone) return known;
    for (const id of commits) {
      const record = log.records.find(({ commit }) => commit === id);
      const outcomes = log.outcomes.filter(({ commit }) => commit === id);
      if (!record && outcomes.length === 0) continue;
      known.set(id, {
        record: record ? { actor: record.actor, at: record.cursor } : null,
        outcomes: outcomes.map(({ actor, text }) => ({ actor, text })),
      });
    }
    return known;
  }

  drop(name: string): void {
    this.#logs.set(name, { records: [], outcomes: [], gone: true });
  }

  logs(): string[] {
    return [...this.#logs]
      .filter(([, { gone }]) => !gone)
      .map(([name]) => name)
      .toSorted();
  }

  outcomes(name: string): readonly KeptOutcome[] {
    const keyOf = ({ commit, actor }: KeptOutcome) => `${commit} ${actor}`;
    return [...(this.#logs.get(name)?.outcomes ?? [])].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  }

  rename(name: string, to: string): RenameResult["kind"] {
    const [log, other] = [this.#logs.get(name), this.#logs.get(to)];
    if (log?.gone || other?.gone) return "gone";
    if (!log) return "absent";
    if (name === to || (other && other.records.length > 0)) return "taken";
    for (const { commit, actor } of other?.outcomes ?? [])
      if ([...log.records, ...log.outcomes].some((one) => one.commit === commit && one.actor === actor)) return "taken";
    log.outcomes = [...log.outcomes, ...(other?.outcomes ?? [])];
    this.#logs.delete(name);
    this.#logs.set(to, log);
    return "ok";
  }

  records(name: string): readonly StoredRecord[] {
    return this.#logs.get(name)?.records ?? [];
  }

  streamVersion(name: string, stream: string): number {
    const ranges = this.records(name).flatMap(({ streams }) => streams.filter((range) => range.stream === stream));
    return ranges.at(-1)?.last ?? 0;
  }
}

function endOf({ records }: ModelLog): Cursor | null {
  return records.at(-1)?.cursor ?? null;
}
