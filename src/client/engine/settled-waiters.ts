/**
 * The calls that wait until a commit settles.
 *
 * Guarantees:
 * - A call hears the outcome only after the outcome is durable.
 * - A commit that settled before the call is read from the store.
 */
import { type DacapoError, RejectedError } from "../../core/values/errors.ts";
import type { LogStore, RejectionEntry, SentEntry } from "../stores/log-store.ts";
import type { Settled } from "../messages/log-types.ts";
import type { CommitId } from "../../core/values/ids.ts";

type Waiter = { readonly resolve: (settled: Settled) => void; readonly reject: (error: DacapoError) => void };

export class SettledWaiters {
  readonly #store: LogStore;
  readonly #isPending: (commitId: CommitId) => boolean;
  readonly #waiting = new Map<string, Waiter[]>();
  #closed: DacapoError | null = null;

  constructor(store: LogStore, isPending: (commitId: CommitId) => boolean) {
    this.#store = store;
    this.#isPending = isPending;
  }

  /** Resolves when a commit has settled. Rejects for a commit that this device does not know. */
  async wait(commitId: CommitId): Promise<Settled> {
    if (!this.#isPending(commitId)) {
      const found = (await this.#find([commitId])).get(commitId);
      if (found) return found;
      // It may have come from another tab during the read.
      if (!this.#isPending(commitId)) throw unknownCommit(commitId);
    }
    if (this.#closed) throw this.#closed;
    return new Promise((resolve, reject) =>
      this.#waiting.set(commitId, [...(this.#waiting.get(commitId) ?? []), { resolve, reject }]),
    );
  }

  settle(settled: Settled): void {
    for (const { resolve } of this.#removeWaiters(settled.commit)) resolve(settled);
  }

  /**
   * Settles commits that no step of this tab settled: by another tab, in a refresh that failed half way, before a
   * divergence.
   */
  async settleFromStore(): Promise<void> {
    const ids = [...this.#waiting.keys()].filter((commitId) => !this.#isPending(commitId));
    const found = await this.#find(ids);
    for (const commitId of ids) {
      const settled = found.get(commitId);
      if (settled) this.settle(settled);
      // Another tab discarded the rejection before this tab read it.
      else for (const { reject } of this.#removeWaiters(commitId)) reject(unknownCommit(commitId));
    }
  }

  /** Rejects every call that waits, because this tab will not learn more outcomes. */
  close(error: DacapoError): void {
    this.#closed = error;
    for (const commitId of Array.from(this.#waiting.keys()))
      for (const { reject } of this.#removeWaiters(commitId)) reject(error);
  }

  #removeWaiters(commitId: CommitId): readonly Waiter[] {
    const waiting = this.#waiting.get(commitId) ?? [];
    this.#waiting.delete(commitId);
    return waiting;
  }

  /** Reads the store once for all commits, because many calls may wait and many commits may have settled. */
  async #find(commitIds: readonly CommitId[]): Promise<ReadonlyMap<string, Settled>> {
    if (commitIds.length === 0) return new Map();
    const rejections = await this.#store.readRejections();
    const all = [...(await this.#store.readSent(null)).map(settledOf), ...rejections.map(rejectionOf)];
    return new Map(all.map((settled) => [settled.commit, settled]));
  }
}

export function settledOf({ commit, outcome, position, dropped }: SentEntry): Settled {
  return { outcome, commit: commit.id, position, ...(dropped && { dropped }) };
}

export function rejectionOf({ commit, outcome: { code, message, command } }: RejectionEntry): Settled {
  return { outcome: "rejected", commit: commit.id, code, message, command };
}

export function unknownCommit(commitId: CommitId): RejectedError {
  return new RejectedError({
    message: `This device does not know commit ${commitId}, or no longer knows it`,
    fix: "Use the id of a commit that was made on this device in the last 30 days. Retry a rejection only once.",
    details: { code: "unknown-commit", commit: commitId },
  });
}
