/**
 * The ports of a simulation: the places where a caller can replace a part of the product.
 *
 * Place: tests of the simulator plant faults here and check that they are found. Users may put in their own store.
 */
import type { LogStore } from "../../client/stores/log-store.ts";
import type { MemoryDatabase } from "../../client/stores/memory-log-store.ts";
import type { Transport } from "../../client/sync/transport.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import type { SeededRandom } from "../seeded-random.ts";

/** A device for a wrapper: the shared state of its tabs, and waits that the scheduler orders. */
export type PartContext = {
  readonly database: MemoryDatabase;
  readonly log: string;
  readonly user: string;
  /** The release that the tab runs. */
  readonly domain: DomainDefinition;
  readonly random: SeededRandom;
  readonly wait: (label: string, ms: number) => Promise<void>;
};

/** A request at a server node, and its answer. */
export type NodeRequest =
  | { readonly kind: "push"; readonly log: string; readonly actor: string; readonly text: string }
  | {
      readonly kind: "pull";
      readonly log: string;
      readonly actor: string;
      readonly after: string | null;
      readonly limit: number | null;
    };

export type NodeReply = {
  /** `ok`, or the code of the failure. */ readonly code: string;
  readonly text: string;
  readonly retryAfterMs: number | null;
};

export type NodeHandler = (request: NodeRequest) => Promise<NodeReply>;

export type SimulationParts = {
  /** Replaces the release that a tab or a server node runs. */
  readonly release?: (domain: DomainDefinition, side: "tab" | "server") => DomainDefinition;
  /** Wraps the store that all server nodes share. Called once a node. */
  readonly eventStore?: (store: EventStore, context: Pick<PartContext, "random" | "wait">) => EventStore;
  /** Wraps the store of a device. Called once a tab. */
  readonly logStore?: (store: LogStore, context: PartContext) => LogStore;
  /** Wraps the network of a tab. */
  readonly transport?: (transport: Transport, context: PartContext) => Transport;
  /** Wraps a server node's answers. */
  readonly node?: (handler: NodeHandler) => NodeHandler;
};
