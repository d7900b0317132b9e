/**
 * The ports at which a simulation can replace a part of the product.
 *
 * Tests of the simulator plant faults here and check that the simulator finds them. Users can insert their own store.
 */
import type { Env } from "../../client/env/env.ts";
import type { LogStore } from "../../client/stores/log-store.ts";
import type { MemoryDatabase } from "../../client/stores/memory/database.ts";
import type { Transport } from "../../client/sync/transport.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import type { SeededRandom } from "../seeded-random.ts";

/** The device for a wrapper: the database that its tabs share, and waits in the scheduler's order. */
export type PartContext = {
  readonly database: MemoryDatabase;
  readonly log: string;
  readonly user: string;
  /** The release that the tab runs. */
  readonly domain: DomainDefinition;
  readonly random: SeededRandom;
  /** True if the browser last said to this tab that it is offline. */
  readonly isCalledOffline: () => boolean;
  readonly wait: (label: string, ms: number) => Promise<void>;
};

/** A request to a server node. */
export type NodeRequest =
  | { readonly kind: "push"; readonly log: string; readonly actor: string; readonly text: string }
  | {
      readonly kind: "pull";
      readonly log: string;
      readonly actor: string;
      readonly after: string | null;
      readonly limit: number | null;
      readonly bytes?: number;
    }
  | { readonly kind: "info"; readonly log: string; readonly actor: string }
  /** The header of the newest base, or a page of the base with a cursor. */
  | {
      readonly kind: "base";
      readonly log: string;
      readonly actor: string;
      readonly place: { readonly cursor: string; readonly n: number } | null;
    };

export type NodeReply = {
  /** `ok`, or the code of the refusal. */
  readonly code: string;
  readonly text: string;
  readonly retryAfterMs: number | null;
};

export type NodeHandler = (request: NodeRequest) => Promise<NodeReply>;

export type SimulationParts = {
  /** Replaces the release that a tab or a server node runs. */
  readonly release?: (domain: DomainDefinition, side: "tab" | "server") => DomainDefinition;
  /** Wraps the store that all server nodes share. Called once for each node. */
  readonly eventStore?: (store: EventStore, context: Pick<PartContext, "random" | "wait">) => EventStore;
  /** Wraps the store of a device. Called once for each tab. */
  readonly logStore?: (store: LogStore, context: PartContext) => LogStore;
  /** Wraps the clock, the timers, the locks and the channels of a tab. */
  readonly env?: (env: Env) => Env;
  /** Wraps the network of a tab. */
  readonly transport?: (transport: Transport, context: PartContext) => Transport;
  /** Wraps the request handler of a server node. */
  readonly node?: (handler: NodeHandler) => NodeHandler;
};
