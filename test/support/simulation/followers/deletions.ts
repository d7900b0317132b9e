/**
 * The rows that operators removed. A deleted row stays absent until its model is built again, and so do all rows of a
 * model that was purged. This class sees each write in the order of the store, so that no difference must be excused.
 *
 * Guarantees:
 * - A deletion counts for the rows that are read, and for rows that a job is building beside them.
 * - New rows have no deletions, and rows that replace older rows bring their own. Rows that newer code builds again
 *   stay deleted, because no operator wanted new rows.
 * - A model that was purged gets its rows from a job.
 * - Only an operator deletes a row, or purges a model.
 */
import type { FollowerNext, ModelWrite } from "../../../../src/sync-server/stores/model-store.ts";

const ROWS = "rows";

export type Model = { readonly name: string; readonly follower: string; readonly beside: string };

export class Deletions {
  readonly problems: string[] = [];
  readonly #models: readonly Model[];
  /** The deleted keys of each follower that has rows. */
  readonly #deleted = new Map<string, ReadonlySet<string>>();
  /** How often the row of a follower was deleted. */
  readonly #counts = new Map<string, number>();
  /** The rows that an operator wanted to delete. */
  readonly #wanted = new Set<string>();
  #isRestored = false;
  /** The models that an operator wanted to purge, and those that are purged. */
  readonly #purges = { wanted: new Set<string>(), done: new Set<string>() };

  /** `before`: the deletions of a history that a restore ended. Its operators may be in the writes that are left. */
  constructor(models: readonly Model[], before?: Deletions) {
    this.#models = models;
    if (!before) return;
    for (const row of before.#wanted) this.#wanted.add(row);
    for (const follower of before.#purges.wanted) this.#purges.wanted.add(follower);
    this.#isRestored = before.#isRestored;
  }

  of(follower: string): ReadonlySet<string> {
    return this.#deleted.get(follower) ?? NONE;
  }

  /** An operator begins to delete a row. The result checks the answer that the row is deleted. */
  begin({ name, follower }: Model, key: string): () => void {
    this.#wanted.add(rowOf(follower, key));
    const before = this.#counts.get(rowOf(follower, key)) ?? 0;
    return () => {
      if ((this.#counts.get(rowOf(follower, key)) ?? 0) === before)
        this.problems.push(`the row ${key} of ${name} was reported as deleted, and no write deleted it`);
    };
  }

  /** A restore of the log alone ended the history of the rows. So they are built again from the first record. */
  restored(): void {
    this.#isRestored = true;
  }

  /** An operator begins to purge a model, or to populate it. Both remove the rows that are there. */
  beginPurge({ follower }: Model): void {
    this.#purges.wanted.add(follower);
  }

  /** The store made this write. */
  written({ followers, rows }: ModelWrite): void {
    const builtAgain = new Set(followers.flatMap(({ name, next }) => (isBuiltAgain(next) ? name : [])));
    const before = new Map(this.#deleted);
    for (const { name, next } of followers) {
      if (next === "check") continue;
      if (this.#models.some(({ follower }) => follower === name)) this.#checkPurge(name, next);
      const kept = next && this.#keptBy(name, next, before);
      if (kept) this.#deleted.set(name, kept);
      else this.#deleted.delete(name);
    }
    for (const { follower, table, set } of rows)
      if (table === ROWS)
        for (const [key, text] of set) {
          if (text !== null) continue;
          // Rows that are built again keep what an operator deleted before.
          if (builtAgain.has(follower) && before.get(follower)?.has(key)) continue;
          this.#delete(follower, key);
        }
  }

  #keptBy(name: string, next: FollowerNext, before: ReadonlyMap<string, ReadonlySet<string>>) {
    const change = next.tables[ROWS];
    if (change === undefined) return null;
    if (change === "new") return isBuiltAgain(next) ? (before.get(name) ?? NONE) : NONE;
    return before.get(change === "keep" ? name : change.from) ?? NONE;
  }

  /** A purge leaves an empty table before the first record. */
  #checkPurge(follower: string, next: FollowerNext | null): void {
    const { wanted, done } = this.#purges;
    const change = next?.tables[ROWS];
    const isPurged = next?.at === null && change === "new";
    if (isPurged && this.#isRestored && next.text.includes('"phase":"building"')) done.delete(follower);
    else if (isPurged) {
      if (!wanted.has(follower)) this.problems.push(`${follower} was purged without an operator`);
      done.add(follower);
    } else if (typeof change === "object") done.delete(follower);
    else if (done.has(follower)) this.problems.push(`${follower} was purged, and follows the log without a job`);
  }

  #delete(follower: string, key: string): void {
    const model = this.#models.find((one) => one.follower === follower);
    // The deletion of a row beside belongs to a deletion of the row that is read.
    if (!model) return;
    if (!this.#wanted.has(rowOf(follower, key))) this.problems.push(`${follower} deleted ${key} without an operator`);
    this.#counts.set(rowOf(follower, key), (this.#counts.get(rowOf(follower, key)) ?? 0) + 1);
    for (const name of [follower, model.beside]) {
      const deleted = this.#deleted.get(name);
      if (deleted) this.#deleted.set(name, new Set(deleted).add(key));
    }
  }
}

/**
 * Newer code builds rows again, and writes their first page at once. The verbs of operators and a restore begin before
 * the first record.
 */
function isBuiltAgain(next: ModelWrite["followers"][number]["next"]): boolean {
  return next !== null && next !== "check" && next.at !== null && next.tables[ROWS] === "new";
}

const NONE: ReadonlySet<string> = new Set();

function rowOf(follower: string, key: string): string {
  return `${follower} ${key}`;
}
