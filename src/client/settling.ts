/**
 * Who waits for the end of a commit, and how a commit ended.
 *
 * Holds: an end is told once it is durable; a commit that ended before anyone asked is looked up in the store.
 */
import { RejectedError } from "../core/errors.ts";
import type { LogStore, RejectionEntry, SentEntry } from "./log/log-store.ts";
import type { Settled } from "./log-handle.ts";

export class Settling {
  readonly #store: LogStore;
  readonly #waiting = new Map<string, ((settled: Settled) => void)[]>();

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
    return new Promise((resolve) => this.#waiting.set(commit, [...(this.#waiting.get(commit) ?? []), resolve]));
  }

  tell(settled: Settled): void {
    const waiting = this.#waiting.get(settled.commit) ?? [];
    this.#waiting.delete(settled.commit);
    for (const resolve of waiting) resolve(settled);
  }

  /** Another tab ended a commit: how, tells its record or else the store. */
  async ended(commit: string, arrived: { readonly outcome: "accepted" | "rebased"; readonly position: number } | null): Promise<void> {
    if (!this.#waiting.has(commit)) return;
    const settled = arrived ? { ...arrived, commit } : await this.#find(commit);
    if (settled) this.tell(settled);
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
