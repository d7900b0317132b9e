/**
 * Group commit: the appends of many logs share one transaction, because the sync of the disk costs more than the
 * appends.
 *
 * Guarantees (shared-commits.test.ts):
 * - A write resolves only after the transaction that contains it is durable.
 * - If one write of a shared transaction fails, each runs again alone. Otherwise it would fail the writes of other
 *   logs. If the error leaves the fate of all in doubt, all of them fail.
 * - Writes are shared only if the database offers `soon`. Without it, each write commits alone.
 */
import type { Sql } from "./sql.ts";

type PendingWrite = { readonly run: () => void; readonly fail: (error: unknown) => void; readonly succeed: () => void };

export class SharedCommits {
  readonly #sql: Sql;
  /** True if an error leaves the fate of the writes in doubt. Then nothing is tried again. */
  readonly #isFinal: (error: unknown) => boolean;
  #waiting: PendingWrite[] = [];

  constructor(sql: Sql, isFinal: (error: unknown) => boolean) {
    this.#sql = sql;
    this.#isFinal = isFinal;
  }

  /** Resolves with the result of `work` when it is durable. `work` may run again, on the state that it finds then. */
  write<Result>(work: () => Result): Promise<Result> {
    const { soon } = this.#sql;
    return new Promise((resolve, reject) => {
      let result: { readonly value: Result } | null = null;
      const write: PendingWrite = {
        run: () => void (result = { value: work() }),
        fail: reject,
        succeed: () => result && resolve(result.value),
      };
      if (!soon) return this.#commitAlone(write);
      if (this.#waiting.push(write) === 1) soon(() => this.#commitTogether());
    });
  }

  #commitTogether(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const [first] = group;
    if (group.length === 1 && first) return this.#commitAlone(first);
    let begun = false;
    try {
      this.#sql.transaction("write", () => {
        begun = true;
        group.forEach(({ run }) => run());
      });
    } catch (error) {
      // If the transaction could not begin, the lock is busy. Otherwise each write would wait for it once more.
      if (!begun || this.#isFinal(error)) for (const { fail } of group) fail(error);
      else for (const write of group) this.#commitAlone(write);
      return;
    }
    for (const { succeed } of group) succeed();
  }

  #commitAlone({ run, fail, succeed }: PendingWrite): void {
    try {
      this.#sql.transaction("write", run);
    } catch (error) {
      return fail(error);
    }
    succeed();
  }
}
