/** The parts of a server that the runners of a subscriber share. */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Env } from "../base/env.ts";
import type { Turn } from "../base/turn.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { ModelStore } from "../stores/model-store.ts";
import type { OnDiverged } from "./diverged-follower.ts";
import type { ExecuteAs } from "./handler-execute.ts";
import type { Slots } from "./slots.ts";
import type { SubscriberDefinition } from "./subscriber.ts";

export type RunnerContext = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly modelStore: ModelStore;
  readonly subscriber: SubscriberDefinition;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  readonly executeAs: ExecuteAs;
  /** The name of this node for leases. */
  readonly node: () => string;
  /** The handlers of this subscriber that may run at once, over all logs. */
  readonly slots: Slots;
  /** Aborts when the server stops: no more handlers start. */
  readonly closing: AbortSignal;
  /** Aborts when running handlers have no more time. */
  readonly closed: AbortSignal;
  /** True: more logs have work than may run at once. */
  readonly hasWaiting: () => boolean;
  /** The turn of a runtime that sleeps between events. Null: there is none. */
  readonly turn: Turn | null;
  readonly onDiverged: OnDiverged;
};
