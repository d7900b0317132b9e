/**
 * Appends of many logs in one transaction: what costs is the disk's word, and one is enough for all that wait for it.
 *
 * Place: between `sql-event-store` and `sql`, where the database says when (`soon`); without that, each append stands alone.
 * Holds: nobody is answered before the transaction that holds his append is durable. One that fails harms no other: then each is
 * made alone, unless the failure leaves the fate of all in doubt.
 * The idea is the group commit of databases.
 */
import type { Sql } from "./sql.ts";

type Waiting = { readonly run: () => void; readonly failed: (error: unknown) => void; readonly done: () => void };

export class SharedCommits {
  readonly #sql: Sql;
  /** Whether an error leaves open what was written: then nothing is tried again. */
  readonly #isFinal: (error: unknown) => boolean;
  #waiting: Waiting[] = [];

  constructor(sql: Sql, isFinal: (error: unknown) => boolean) {
    this.#sql = sql;
    this.#isFinal = isFinal;
  }

  /** Resolves with what `work` gave once that is durable. `work` may run more than once, each time on what stands. */
  write<Result>(work: () => Result): Promise<Result> {
    const { soon } = this.#sql;
    return new Promise((resolve, reject) => {
      let result: { readonly value: Result } | null = null;
      const waiting: Waiting = {
        run: () => void (result = { value: work() }),
        failed: reject,
        done: () => result && resolve(result.value),
      };
      if (!soon) return this.#alone(waiting);
      if (this.#waiting.push(waiting) === 1) soon(() => this.#together());
    });
  }

  #together(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const [first] = group;
    if (group.length === 1 && first) return this.#alone(first);
    let begun = false;
    try {
      this.#sql.transaction("write", () => {
        begun = true;
        group.forEach(({ run }) => run());
      });
    } catch (error) {
      // A lock that was waited for in vain is not waited for once more by each.
      if (!begun || this.#isFinal(error)) for (const { failed } of group) failed(error);
      else for (const waiting of group) this.#alone(waiting);
      return;
    }
    for (const { done } of group) done();
  }

  #alone({ run, failed, done }: Waiting): void {
    try {
      this.#sql.transaction("write", run);
    } catch (error) {
      return failed(error);
    }
    done();
  }
}
