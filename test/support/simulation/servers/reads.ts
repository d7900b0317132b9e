/**
 * The reads of programs: states of now and of earlier, ranges of the log, and comparisons of rows.
 *
 * Guarantees:
 * - Each answer is the fold of the log up to the place that it names.
 * - A range has each event once, in the order of the log.
 * - `verify` finds no difference.
 */
import type { Json } from "../../../../src/core/values/json.ts";
import type { SyncServer } from "../../../../src/sync-server/app.ts";
import type { SeededRandom } from "../../../../src/testing/seeded-random.ts";
import { canonical, type PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { differences, type Folded, rowsOf } from "../refolds.ts";
import { COUNTERS, type Release } from "./domain.ts";
import { LOG } from "./names.ts";

/** The facts of the log, as the checker knows them. */
export type KnownLog = {
  readonly records: () => readonly PlainRecord[];
  /** The number of records up to a cursor. Null: no record ends there. */
  readonly endOf: (at: { readonly position: number; readonly mark: string }) => number | null;
  /** The fold of the first records, by the code of a release. */
  readonly fold: (release: Release, count: number) => Folded;
};

export class Reads {
  readonly problems: string[] = [];
  readonly #random: SeededRandom;
  readonly #log: KnownLog;

  constructor(random: SeededRandom, log: KnownLog) {
    this.#random = random;
    this.#log = log;
  }

  /** Reads something. It may fail with the store. */
  begin(server: SyncServer, release: Release): void {
    const reads = [
      () => this.#load(server, release),
      () => this.#stateAt(server, release),
      () => this.#replay(server),
      () => this.#scratch(server, release),
      () => this.#follow(server),
      () => this.#verify(server, release),
    ];
    void this.#random
      .pick(reads)()
      .catch(() => {});
  }

  async #load(server: SyncServer, release: Release): Promise<void> {
    const id = this.#random.pick(COUNTERS);
    const { state, version, at } = await server.log(LOG).load(release.counter, id);
    const end =
      at === null ? 0 : this.#log.endOf({ position: Number(at.split("-", 1)[0]), mark: at.slice(at.indexOf("-") + 1) });
    if (end === null) this.problems.push(`the state of ${id} was read at ${at}, which is no record end`);
    else this.#compare(`load: ${id} at ${end}`, release, `counter/${id}`, end, state);
    const count = this.#events(0, end ?? 0).filter(({ stream }) => stream === `counter/${id}`).length;
    if (version !== count) this.problems.push(`load: ${id} has version ${version} at ${end}, and the log ${count}`);
  }

  async #stateAt(server: SyncServer, release: Release): Promise<void> {
    const [id, [, end]] = [this.#random.pick(COUNTERS), this.#range()];
    if (end === 0) return;
    const state = await server.log(LOG).stateAt(release.counter, id, { position: this.#positionOf(end) });
    this.#compare(`stateAt: ${id} at ${end}`, release, `counter/${id}`, end, state);
  }

  async #replay(server: SyncServer): Promise<void> {
    const [start, end] = this.#range();
    const expected = this.#events(start, end).map(({ id }) => id);
    const seen: string[] = [];
    const [after, to] = [this.#positionOf(start), this.#positionOf(end)];
    const count = await server.log(LOG).models.replay({ after, to, into: ({ id }) => void seen.push(id) });
    if (seen.join() !== expected.join() || count !== expected.length)
      this.problems.push(`replay: ${after} to ${to} has ${seen.join()}, and the log ${expected.join()}`);
  }

  async #scratch(server: SyncServer, release: Release): Promise<void> {
    const [, end] = this.#range();
    const to = this.#positionOf(end);
    const { rows } = await server.log(LOG).models.replayIntoScratch(release.totals, { to });
    const found = new Map(rows.map(({ key, row }) => [key, canonical(row)]));
    const expected = rowsOf(this.#log.fold(release, end), "totals");
    this.problems.push(...differences(`replayIntoScratch to ${to}`, found, expected));
  }

  /** Follows the log from its beginning to the head of now. */
  async #follow(server: SyncServer): Promise<void> {
    const expected = this.#events(0, this.#log.records().length).map(({ id }) => id);
    const seen: string[] = [];
    if (expected.length === 0) return;
    for await (const { event } of server.log(LOG).subscribe({ from: "beginning" })) {
      seen.push(event.id);
      if (seen.length === expected.length) break;
    }
    if (seen.join() !== expected.join())
      this.problems.push(`subscribe: has ${seen.join()}, and the log ${expected.join()}`);
  }

  async #verify(server: SyncServer, { totals }: Release): Promise<void> {
    const model = this.#random.pick([totals, "tally", "names"]);
    const { differences: found } = await server.log(LOG).models.verify(model);
    for (const { key, stored, folded } of found)
      this.problems.push(`verify: ${key} is ${canonical(stored)}, and the fold ${canonical(folded)}`);
  }

  #compare(what: string, release: Release, stream: string, end: number, state: Json): void {
    const initial = canonical({ total: 0, name: null });
    const expected = this.#log.fold(release, end).states.get(stream) ?? initial;
    if (canonical(state) !== expected) this.problems.push(`${what} is ${canonical(state)}, and the fold ${expected}`);
  }

  /** Two numbers of records, the smaller one first. */
  #range(): readonly [number, number] {
    const count = this.#log.records().length + 1;
    const ends = [this.#random.below(count), this.#random.below(count)] as const;
    return [Math.min(...ends), Math.max(...ends)];
  }

  #positionOf(count: number): number {
    const record = this.#log.records()[count - 1];
    return record ? record.position + record.events.length - 1 : 0;
  }

  #events(start: number, end: number): readonly { readonly id: string; readonly stream: string }[] {
    const records = this.#log.records().slice(start, end);
    return records.flatMap(({ commit, events }) => events.map(({ stream }, n) => ({ id: `${commit}:${n}`, stream })));
  }
}
