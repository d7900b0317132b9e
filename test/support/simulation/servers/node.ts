/** A simulated server: the whole real server on a shared store, with its own clock and its own random bytes. */
import { syncServer, type SyncServer } from "../../../../src/sync-server/app.ts";
import type { Env } from "../../../../src/sync-server/base/env.ts";
import type { EventStore } from "../../../../src/sync-server/stores/event-store.ts";
import type { Owner, Scheduler } from "../../../../src/testing/simulate/scheduler.ts";
import type { Release } from "./domain.ts";
import type { Effects } from "./effects.ts";
import { echoOf, flowOf, mailerOf } from "./reactions.ts";

export type NodeParts = {
  readonly scheduler: Scheduler;
  readonly release: Release;
  readonly effects: Effects;
  readonly store: (owner: Owner) => EventStore;
  /** The error of the node's clock in milliseconds. */
  readonly skewMs: () => number;
  readonly isBroken: () => boolean;
  readonly baseEvents: number;
  readonly report: (error: unknown) => void;
};

export class ServerNode {
  readonly owner: Owner;
  readonly release: Release;
  readonly server: SyncServer;
  /** The latest time that the clock of this node has shown. */
  #clock = 0;

  constructor(name: string, parts: NodeParts) {
    const { scheduler, release } = parts;
    this.owner = { name, state: "running" };
    this.release = release;
    const { owner } = this;
    const env: Env = {
      now: () => {
        const now = START_MS + scheduler.now + parts.skewMs();
        this.#clock = Math.max(this.#clock, now);
        return now;
      },
      randomBytes: (count) => Uint8Array.from({ length: count }, () => scheduler.random.below(256)),
      setTimer: (run, delayMs) => scheduler.later(owner, "timer", delayMs, run),
      nextTurn: () => scheduler.wait(owner, "turn", scheduler.random.below(3)),
    };
    const subscriptions = { ...parts, wait: (ms: number) => scheduler.wait(owner, "handler", ms) };
    this.server = syncServer({
      domain: release.domain,
      store: parts.store(owner),
      authorize: () => null,
      models: release.models,
      subscribers: [mailerOf(subscriptions), flowOf(subscriptions), echoOf(subscriptions)],
      base: { everyEvents: parts.baseEvents },
      ticketSecret: "a secret of sixteen letters",
      env,
      // A failing store and failing handlers are faults of this world, so their errors are expected.
      onError: parts.report,
    });
  }

  get clock(): number {
    return this.#clock;
  }
}

const START_MS = 1_000_000;
