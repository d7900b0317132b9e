/**
 * Two writers of read models from a seed. Each step calls the store and the plain model, and compares the results.
 *
 * The writers use revisions and cursors that they read earlier, so many of their writes are refused.
 */
import type { Cursor } from "../../core/history/record.ts";
import { messageOf } from "../../core/values/reason.ts";
import type { FollowerWrite, ModelWrite, TableChange } from "../../sync-server/stores/model-store.ts";
import { sqlNameOf, sqlTable } from "../../sync-server/stores/sql-tables.ts";
import { requireEqual, requireThat } from "../require.ts";
import { type SeededRandom, seededRandom } from "../seeded-random.ts";
import { batch, recordsAfter } from "../event-store/samples.ts";
import { PlainModels } from "./model.ts";
import { ALL_ROWS, ALL_SQL, type ModelBed, requireVetoed, sqlInsert, sqlSpec } from "./samples.ts";

const FOLLOWERS = ["rows/a@1", "rows/b@1", "beside/1"];
const TABLES = ["rows", "states"];
/** Only in a store with SQL. */
const NUMBERS = "numbers";
const KEYS = ["", "a", "a/1", "a/2", "b", "é", "\ufffd", "\u{1F600}", "x\0y"];
const STEPS = 50;

/** Runs a history. Throws, with the seed and the step, if the store's result differs from the model's. */
export async function runModelHistory(bed: ModelBed, seed: number): Promise<void> {
  const history = new History(bed, seededRandom(seed));
  for (let step = 0; step < STEPS; step++) {
    try {
      await history.step();
      await history.compare();
    } catch (error) {
      throw new Error(`Seed ${seed}, step ${step}: ${messageOf(error)}`, { cause: error });
    }
  }
}

class History {
  readonly #bed: ModelBed;
  readonly #random: SeededRandom;
  readonly #plain = new PlainModels();
  /** The revision of a follower that a writer read last, which is often old. Keys are `writer follower`. */
  readonly #seen = new Map<string, number>();
  #commits = 0;

  constructor(bed: ModelBed, random: SeededRandom) {
    this.#bed = bed;
    this.#random = random;
  }

  async step(): Promise<void> {
    const kind = this.#random.below(100);
    if (kind < 25) await this.#append(null);
    else if (kind < 40) await this.#append(this.#write());
    else if (kind < 90) await this.#writeModels();
    else if (kind < 99) requireThat(typeof (await this.#bed.models.sweep(3)) === "boolean", "sweep");
    else await this.#drop();
  }

  /** Compares all followers and rows, and one random range. */
  async compare(): Promise<void> {
    const { models } = this.#bed;
    const found = await models.followers("log");
    if (this.#plain.isGone || this.#plain.ends.length === 0) {
      requireEqual(found, { kind: this.#plain.isGone ? "gone" : "absent" }, "the followers");
      return;
    }
    const expected = Object.entries(this.#plain.followers).map(([name, { revision, at, wake, text }]) => ({
      name,
      revision,
      at,
      wake,
      text,
    }));
    const sorted = expected.toSorted((left, right) => (left.name < right.name ? -1 : 1));
    requireEqual(found, { kind: "open", head: this.#plain.ends.at(-1) ?? null, followers: sorted }, "the followers");
    for (const name of FOLLOWERS) for (const table of TABLES) await this.#compareTable(name, table);
    for (const name of FOLLOWERS) await this.#compareSql(name);
  }

  async #compareTable(name: string, table: string): Promise<void> {
    const kept = this.#plain.followers[name]?.tables[table];
    const page = await this.#bed.models.rows("log", name, table, ALL_ROWS);
    requireThat((page === null) === (kept === undefined), `a table ${table} of ${name}, as in the model`);
    if (!page || !kept) return;
    const rows = Object.entries(kept).toSorted(([left], [right]) => compareBytes(left, right));
    requireEqual(page.rows, rows, `the table ${table} of ${name}`);
    const [from, to] = [this.#random.pick(KEYS), this.#random.pick(KEYS)];
    const some = await this.#bed.models.rows("log", name, table, { ...ALL_ROWS, from, to, limit: 2 });
    const inRange = rows.filter(([key]) => compareBytes(key, from) >= 0 && compareBytes(key, to) < 0);
    requireEqual(some?.rows ?? [], inRange.slice(0, 2), `from ${from} to ${to} in ${table} of ${name}`);
    requireThat(some?.more === inRange.length > 2, "more rows, as in the model");
  }

  async #compareSql(name: string): Promise<void> {
    const kept = this.#plain.followers[name]?.tables[sqlTable(NUMBERS)];
    const page = await this.#bed.models.sql?.page("log", name, NUMBERS, ALL_SQL);
    requireThat((page ?? null) === null || kept !== undefined, `no SQL table of ${name}, as in the model`);
    if (!kept || !this.#bed.models.sql) return;
    const rows = (page?.rows ?? []).map(([key]) => key).toSorted();
    requireEqual(
      rows,
      Object.keys(kept)
        .map((key) => JSON.stringify([key]))
        .toSorted(),
      `the SQL table of ${name}`,
    );
  }

  async #append(models: ModelWrite | null): Promise<void> {
    const expected = this.#plain.ends.at(-1) ?? null;
    const records = recordsAfter(expected, [{ commit: ++this.#commits, events: 1 + this.#random.below(3) }]);
    const ends = [...this.#plain.ends, ...records.map(({ cursor }) => cursor)];
    const moved = models && this.#plain.moved(models, ends);
    const [vetoed] = models && !this.#plain.isGone && moved?.length === 0 ? this.#plain.refused(models) : [];
    const result = await this.#bed.store.append("log", batch(expected, { records, ...(models && { models }) }));
    if (this.#plain.isGone) return requireEqual(result, { kind: "gone" }, "an append");
    if (moved && moved.length > 0)
      return requireEqual(result, { kind: "model-moved", followers: moved }, "an append with models");
    if (vetoed) return requireVetoed(result, vetoed, "an append");
    requireEqual(result, { kind: "ok" }, "an append");
    this.#plain.ends = ends;
    if (models) this.#plain.apply(models);
  }

  async #writeModels(): Promise<void> {
    const write = this.#write();
    const expected = this.#plain.write(write);
    const result = await this.#bed.models.write("log", write);
    if (expected.kind === "vetoed") requireVetoed(result, expected, JSON.stringify(write));
    else requireEqual(result, expected, JSON.stringify(write));
  }

  async #drop(): Promise<void> {
    await this.#bed.store.drop("log");
    this.#plain.isGone = true;
    this.#plain.followers = {};
  }

  #write(): ModelWrite {
    const random = this.#random;
    const writer = random.below(2);
    const names = FOLLOWERS.filter(() => random.chance(0.5));
    const followers = (names.length > 0 ? names : FOLLOWERS.slice(0, 1)).map((name) => this.#follower(writer, name));
    const tables = followers.flatMap(({ name, next }) =>
      Object.keys(next === null || next === "check" ? {} : next.tables).map((table) => ({ name, table })),
    );
    const rows = tables
      .filter(({ table }) => sqlNameOf(table) === null)
      .map(({ name, table }) => ({
        follower: name,
        table,
        set: KEYS.filter(() => random.chance(0.3)).map(
          (key) => [key, random.chance(0.1) ? null : `"${random.below(1_000)}"`] as const,
        ),
        remove: KEYS.filter(() => random.chance(0.1)),
      }));
    // A second insert of a key is refused. Some events have several statements.
    const statements = tables
      .filter(({ table }) => sqlNameOf(table) === NUMBERS)
      .flatMap(({ name }) => {
        let event = 0;
        return KEYS.filter((key) => !key.includes("\0") && random.chance(0.3)).map((key) => ({
          ...sqlInsert(name, NUMBERS, key),
          event: `event ${random.chance(0.6) ? ++event : event}`,
        }));
      });
    return {
      followers,
      rows: rows.map((change) => ({ ...change, remove: notIn(change.remove, change.set) })),
      ...(statements.length > 0 && { statements }),
    };
  }

  #follower(writer: number, name: string): FollowerWrite {
    const random = this.#random;
    const key = `${writer} ${name}`;
    if (random.chance(0.7)) this.#seen.set(key, this.#plain.followers[name]?.revision ?? 0);
    const revision = this.#seen.get(key) ?? 0;
    const kind = random.below(10);
    if (kind === 0) return { name, revision, next: null };
    if (kind === 1) return { name, revision, next: "check" };
    const tables: Record<string, TableChange> = {};
    for (const table of TABLES) if (random.chance(0.9)) tables[table] = this.#tableChange(name);
    const hasSql = this.#bed.models.sql !== undefined && random.chance(0.7);
    if (hasSql) tables[sqlTable(NUMBERS)] = this.#tableChange(name);
    const wake = random.chance(0.2) ? random.below(1_000) : null;
    const next = { at: this.#cursor(), text: `${random.below(1_000)}`, wake, tables };
    const sql = { [NUMBERS]: { ...sqlSpec(NUMBERS), isShown: random.chance(0.5) } };
    return { name, revision, next: hasSql ? { ...next, sql } : next };
  }

  /** Only `rows/a@1` moves tables, so that no two followers of a write exchange them. */
  #tableChange(name: string): TableChange {
    const kind = this.#random.below(10);
    if (kind === 0) return "new";
    return kind === 1 && name === "rows/a@1" ? { from: "beside/1" } : "keep";
  }

  /** Returns mostly the end of a record, sometimes a cursor that the log does not have. */
  #cursor(): Cursor | null {
    const { ends } = this.#plain;
    if (ends.length === 0 || this.#random.chance(0.1)) return null;
    const end = this.#random.pick(ends);
    return this.#random.chance(0.1) ? { ...end, mark: "m0" } : end;
  }
}

function notIn(remove: readonly string[], set: readonly (readonly [string, string | null])[]): string[] {
  return remove.filter((key) => !set.some(([other]) => other === key));
}

function compareBytes(left: string, right: string): number {
  const [a, b] = [new TextEncoder().encode(left), new TextEncoder().encode(right)];
  for (let n = 0; n < Math.min(a.length, b.length); n++) if (a[n] !== b[n]) return (a[n] ?? 0) - (b[n] ?? 0);
  return a.length - b.length;
}
