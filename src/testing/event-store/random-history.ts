/**
 * Competing writers and readers from a seed. Each step calls the store and the plain model, and compares the results.
 *
 * It searches for bugs that the single rules do not find, because they need a certain order of steps.
 */
import type { Cursor } from "../../core/history/record.ts";
import { messageOf } from "../../core/values/reason.ts";
import type {
  Append,
  EventStore,
  KeptOutcome,
  KnownCommit,
  ReadLimit,
  StoredRecord,
} from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireThat } from "../require.ts";
import { type SeededRandom, seededRandom } from "../seeded-random.ts";
import { EventStoreModel } from "./model.ts";
import { ALL, batch, commitId } from "./samples.ts";

const LOGS = ["team-1", "team-2", "team-3"];
const STREAMS = ["task/a", "task/b", "task/c", "column/a"];
const ACTORS = ["ann", "bob"];
const WRITERS = 3;
/** Commit ids are drawn from a small range, so that many occur twice. */
const COMMITS = 120;
const STEPS = 60;

/** Runs a history. Throws, with the seed and the step, if the store's result differs from the model's. */
export async function runRandomHistory(store: EventStore, seed: number): Promise<void> {
  const history = new History(store, seededRandom(seed));
  for (let step = 0; step < STEPS; step++) {
    try {
      await history.step();
    } catch (error) {
      throw new Error(`Seed ${seed}, step ${step}: ${messageOf(error)}`, { cause: error });
    }
  }
  await history.compareAll();
}

class History {
  readonly #store: EventStore;
  readonly #random: SeededRandom;
  readonly #model = new EventStoreModel();
  /** The head of a log that a writer read last, which is often old. Keys are `writer log`. */
  readonly #seen = new Map<string, Cursor | null>();
  #time = 0;
  #marks = 0;

  constructor(store: EventStore, random: SeededRandom) {
    this.#store = store;
    this.#random = random;
  }

  async step(): Promise<void> {
    const random = this.#random;
    const log = random.pick(LOGS);
    const kind = random.below(100);
    if (kind < 55) await this.#append(log, `${random.below(WRITERS)} ${log}`);
    else if (kind < 75) await this.#read(log);
    else if (kind < 82) await this.#readStream(log);
    else if (kind < 85) await this.#written(log);
    else if (kind < 95) await this.#known(log);
    else if (kind < 97) requireEqual(await this.#store.head(log), this.#model.head(log), `head of ${log}`);
    else if (kind < 99) await this.#rename(log, random.pick(LOGS));
    else await this.#drop(log);
  }

  async compareAll(): Promise<void> {
    requireEqual(await this.#store.logs(), this.#model.logs(), "logs");
    for (const log of LOGS) {
      requireEqual(await this.#store.outcomes(log, null, 1_000), this.#model.outcomes(log), `outcomes of ${log}`);
      requireEqual(await this.#store.head(log), this.#model.head(log), `head of ${log}`);
      const page = await this.#store.read(log, null, ALL);
      if (page.kind === "page") requireEqual(page.records, this.#model.records(log), `all of ${log}`);
      await this.#requireKnown(
        log,
        Array.from({ length: COMMITS }, (_, n) => commitId(n)),
      );
    }
  }

  async #append(log: string, writer: string): Promise<void> {
    const append = this.#randomAppend(log, this.#seen.get(writer) ?? null);
    const result = await this.#store.append(log, append);
    requireEqual(result, this.#model.append(log, append), `append to ${log} of ${JSON.stringify(append)}`);
    if (result.kind === "moved") this.#seen.set(writer, result.head);
    if (result.kind === "ok") this.#seen.set(writer, append.records.at(-1)?.cursor ?? append.expected);
  }

  #randomAppend(log: string, expected: Cursor | null): Append {
    const random = this.#random;
    this.#time += random.below(10);
    const ids = [...new Set(Array.from({ length: random.below(5) }, () => commitId(random.below(COMMITS))))];
    const records: StoredRecord[] = [];
    const outcomes: KeptOutcome[] = [];
    const versions = new Map(STREAMS.map((stream) => [stream, this.#model.streamVersion(log, stream)]));
    let end = expected?.position ?? 0;
    for (const commit of ids) {
      const actor = random.pick(ACTORS);
      const text = JSON.stringify({ commit, note: "ü\n".repeat(random.below(40)) });
      if (random.chance(0.25)) {
        outcomes.push({ commit, actor, received: Math.max(0, this.#time - random.below(20)), text });
        continue;
      }
      const streams = STREAMS.filter(() => random.chance(0.4));
      const ranges = (streams.length > 0 ? streams : STREAMS.slice(0, 1)).map((stream) => {
        const first = (versions.get(stream) ?? 0) + 1;
        const last = first + random.below(3);
        versions.set(stream, last);
        return { stream, first, last };
      });
      const position = end + 1;
      end += ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      this.#marks += 1;
      records.push({
        position,
        cursor: { position: end, mark: `m${this.#marks}` },
        commit,
        actor,
        streams: ranges,
        text,
      });
    }
    const forgetOutcomesBefore = random.chance(0.2) ? Math.max(0, this.#time - random.below(100)) : 0;
    return batch(expected, { records, outcomes, forgetOutcomesBefore, outcomesPerActorMax: 4 });
  }

  async #read(log: string): Promise<void> {
    const after = this.#randomCursor(log);
    const limit = this.#randomLimit();
    const page = await this.#store.read(log, after, limit);
    const expected = this.#model.read(log, after);
    requireEqual(page.kind, expected.kind, `read ${log} after ${JSON.stringify(after)}`);
    if (page.kind === "page" && expected.kind === "page") requirePage(page.records, expected.following, limit);
    if (page.kind === "page" || page.kind === "diverged") {
      const head = this.#model.head(log);
      requireEqual(page.head, head.kind === "open" ? head.cursor : null, `the head in a page of ${log}`);
    }
  }

  async #readStream(log: string): Promise<void> {
    const stream = this.#random.pick(STREAMS);
    const after = this.#random.below(this.#model.streamVersion(log, stream) + 2);
    const limit = this.#randomLimit();
    requirePage(
      await this.#store.readStream(log, stream, after, limit),
      this.#model.readStream(log, stream, after),
      limit,
    );
  }

  async #written(log: string): Promise<void> {
    const streams = [...STREAMS, "task/none"].filter(() => this.#random.chance(0.7));
    const written = await this.#store.written(log, streams);
    requireEqual([...written].toSorted(), this.#model.written(log, streams).toSorted(), `written streams of ${log}`);
  }

  async #known(log: string): Promise<void> {
    await this.#requireKnown(
      log,
      Array.from({ length: this.#random.below(20) }, () => commitId(this.#random.below(COMMITS))),
    );
  }

  async #requireKnown(log: string, commits: readonly string[]): Promise<void> {
    const sorted = (known: ReadonlyMap<string, KnownCommit>) =>
      [...known]
        .map(([id, { record, outcomes }]) => ({
          id,
          record,
          outcomes: outcomes.toSorted((a, b) => (a.actor < b.actor ? -1 : 1)),
        }))
        .toSorted((a, b) => (a.id < b.id ? -1 : 1));
    requireEqual(
      sorted(await this.#store.known(log, commits)),
      sorted(this.#model.known(log, commits)),
      `known in ${log}`,
    );
  }

  async #rename(log: string, to: string): Promise<void> {
    requireEqual(await this.#store.rename(log, to), { kind: this.#model.rename(log, to) }, `rename ${log} to ${to}`);
  }

  async #drop(log: string): Promise<void> {
    await this.#store.drop(log);
    this.#model.drop(log);
  }

  /** Returns mostly a cursor of the log, sometimes a cursor that no reader can have. */
  #randomCursor(log: string): Cursor | null {
    const records = this.#model.records(log);
    if (records.length === 0 || this.#random.chance(0.2))
      return this.#random.chance(0.7) ? null : { position: 1 + this.#random.below(9), mark: "m0" };
    const { position, cursor } = this.#random.pick(records);
    const mark = this.#random.chance(0.1) ? "m0" : cursor.mark;
    return { position: this.#random.chance(0.1) ? position : cursor.position, mark };
  }

  #randomLimit(): ReadLimit {
    return { events: 1 + this.#random.below(20), bytes: 1 + this.#random.below(600) };
  }
}

/**
 * S6: a page has the first of the following records, at least one if there is one, and stays within the limit if it has
 * several.
 */
function requirePage(
  records: readonly StoredRecord[],
  following: readonly StoredRecord[],
  { events, bytes }: ReadLimit,
): void {
  requireEqual(records, following.slice(0, records.length), "a page has the first of the following records");
  requireThat(records.length > 0 || following.length === 0, "a page has at least one record if there is one");
  const held = records.reduce((sum, { position, cursor }) => sum + cursor.position - position + 1, 0);
  const size = records.reduce((sum, { text }) => sum + new TextEncoder().encode(text).length, 0);
  requireThat(
    records.length <= 1 || (held <= events && size <= bytes),
    `${held} events and ${size} bytes within ${events} and ${bytes}`,
  );
}
