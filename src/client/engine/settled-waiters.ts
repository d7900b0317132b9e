/**
 * Who waits for the end of a commit, and how a commit ended.
 *
 * Holds: an end is told once it is durable; a commit that ended before anyone asked is looked up in the store.
 */
import { type DacapoError, RejectedError } from "../../core/values/errors.ts";
import type { LogStore, RejectionEntry, SentEntry } from "../stores/log-store.ts";
import type { Settled } from "../messages/log-types.ts";

type Waiter = { readonly resolve: (settled: Settled) => void; readonly reject: (error: DacapoError) => void };

export class SettledWaiters {
  readonly #store: LogStore;
  readonly #waiting = new Map<string, Waiter[]>();
  #closed: DacapoError | null = null;

  constructor(store: LogStore) {
    this.#store = store;
  }

  /** Resolves with the end of a commit. Rejects for one that this device does not know. */
  async wait(commit: string, isPending: () => boolean): Promise<Settled> {
    if (!isPending()) {
      const found = await this.#find(commit);
      if (found) return found;
      // It may have come in from another tab meanwhile.
      if (!isPending()) throw unknownCommit(commit);
    }
    if (this.#closed) throw this.#closed;
    return new Promise((resolve, reject) =>
      this.#waiting.set(commit, [...(this.#waiting.get(commit) ?? []), { resolve, reject }]),
    );
  }

  tell(settled: Settled): void {
    for (const { resolve } of this.#take(settled.commit)) resolve(settled);
  }

  /** Tells those whose commit ended elsewhere: in another tab, in a look that failed half way, before histories parted. */
  async lookAgain(isPending: (commit: string) => boolean): Promise<void> {
    for (const commit of Array.from(this.#waiting.keys())) {
      if (isPending(commit)) continue;
      const settled = await this.#find(commit);
      if (settled) this.tell(settled);
      // Refused, and discarded in another tab before this one looked.
      else for (const { reject } of this.#take(commit)) reject(unknownCommit(commit));
    }
  }

  /** Nobody hears of an end any more: those who wait are told so, and not left waiting. */
  close(error: DacapoError): void {
    this.#closed = error;
    for (const commit of Array.from(this.#waiting.keys())) for (const { reject } of this.#take(commit)) reject(error);
  }

  #take(commit: string): readonly Waiter[] {
    const waiting = this.#waiting.get(commit) ?? [];
    this.#waiting.delete(commit);
    return waiting;
  }

  async #find(commit: string): Promise<Settled | null> {
    const rejection = (await this.#store.readRejections()).find((entry) => entry.commit.id === commit);
    if (rejection) return refusedOf(rejection);
    const sent = (await this.#store.readSent(null)).find((entry) => entry.commit.id === commit);
    return sent ? settledOf(sent) : null;
  }
}

export function settledOf({ commit, outcome, position }: SentEntry): Settled {
  return { outcome, commit: commit.id, position };
}

export function refusedOf({ commit, outcome: { code, message, command } }: RejectionEntry): Settled {
  return { outcome: "rejected", commit: commit.id, code, message, command };
}

function unknownCommit(commit: string): RejectedError {
  return new RejectedError({
    message: `This device knows nothing of commit ${commit}, or no longer`,
    fix: "Ask for a commit made here in the last 30 days.",
    details: { code: "unknown-commit", commit },
  });
}
