/**
 * The lease of a follower, as one node holds it.
 *
 * Guarantees (subscribers.two-nodes.test.ts): the lease saves double work. The revision of the follower alone makes the
 * stored place right.
 */
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { ModelStore } from "../stores/model-store.ts";

export type LeaseOptions = {
  readonly modelStore: ModelStore;
  readonly log: LogName;
  readonly follower: string;
  /** The name of this node. */
  readonly node: () => string;
  readonly env: Pick<Env, "now">;
};

const LEASE_MS = 15_000;
/** Milliseconds after which a held lease is renewed. */
export const RENEW_MS = 5_000;

export class Lease {
  readonly #options: LeaseOptions;
  #renewedAt = -Infinity;
  #takenAt = Infinity;

  constructor(options: LeaseOptions) {
    this.#options = options;
  }

  /** Takes or renews the lease. Returns false if another node has it. */
  async hold(): Promise<boolean> {
    const { modelStore, log, follower, node, env } = this.#options;
    const now = env.now();
    if (now >= this.#renewedAt && now - this.#renewedAt < RENEW_MS) return true;
    if (!(await modelStore.lease(log, follower, node(), LEASE_MS))) return false;
    this.#renewedAt = now;
    this.#takenAt = Math.min(this.#takenAt, now);
    return true;
  }

  /** Milliseconds since the first `hold` that succeeded. */
  heldMs(): number {
    return Math.max(this.#options.env.now() - this.#takenAt, 0);
  }

  /** False: the last renewal is so old that another node may have the lease soon. */
  isFresh(): boolean {
    return this.#options.env.now() - this.#renewedAt < LEASE_MS - RENEW_MS;
  }

  async giveBack(): Promise<void> {
    const { modelStore, log, follower, node } = this.#options;
    if (this.#renewedAt === -Infinity) return;
    this.#renewedAt = -Infinity;
    // A lease that is not returned ends by itself.
    await modelStore.lease(log, follower, node(), 0).catch(() => {});
  }
}
