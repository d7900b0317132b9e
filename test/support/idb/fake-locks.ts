// Web Locks of a browser with as many tabs as a test asks for; one that is stolen is lost as a browser loses it.
import type { LeaseLocks } from "../../../src/client/stores/idb/tail-lease.ts";

type Held = { readonly name: string; readonly steal: () => void };

export class FakeLocks {
  readonly #held = new Set<Held>();
  /** Until this has come, no lock that is asked for is granted. */
  granting: Promise<void> = Promise.resolve();
  /** Until this has come, what is held when somebody asks is told to nobody. */
  answering: Promise<void> = Promise.resolve();

  /** The locks as tabs use them. Only what places need: shared ones. */
  readonly manager: LeaseLocks = {
    request: async <T>(
      name: string,
      ...rest: readonly [LockGrantedCallback<T>] | readonly [LockOptions, LockGrantedCallback<T>]
    ) => {
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
