// Shared Web Locks of a browser, for any number of tabs. `stealAll` takes locks away as a browser does.
import type { LeaseLocks } from "../../../src/client/stores/idb/tail-lease.ts";

type Held = { readonly name: string; readonly steal: () => void };

export class FakeLocks {
  readonly #held = new Set<Held>();
  /** Requests wait for this promise before they are granted. */
  granting: Promise<void> = Promise.resolve();
  /** Queries read the held locks at once, and wait for this promise before they return. */
  answering: Promise<void> = Promise.resolve();

  /** The part of `LockManager` that a lease uses. All locks are shared. */
  readonly manager: LeaseLocks = {
    request: async (name: string, ...rest: readonly unknown[]) => {
      const callback = rest.at(-1);
      if (typeof callback !== "function") throw new TypeError("No callback");
      await this.granting;
      let held: Held | null = null;
      const stolen = new Promise<never>((_, reject) => {
        held = { name, steal: () => reject(new DOMException("The lock was stolen", "AbortError")) };
        this.#held.add(held);
      });
      try {
        return await Promise.race([Promise.resolve(callback({ name, mode: "shared" })), stolen]);
      } finally {
        if (held) this.#held.delete(held);
      }
    },
    query: async () => {
      const held = this.names.map((name) => ({ name, mode: "shared" as const }));
      await this.answering;
      return { held, pending: [] };
    },
  };

  get names(): readonly string[] {
    return [...this.#held].map(({ name }) => name);
  }

  stealAll(): void {
    for (const { steal } of this.#held) steal();
  }
}
