/**
 * The places where a simulation can be given something else than the product: the ports.
 *
 * Place: tests of the simulator plant faults here and see that they are found; users may put a store of their own in.
 */
import type { LogStore } from "../../client/stores/log-store.ts";
import type { MemoryDatabase } from "../../client/stores/memory-log-store.ts";
import type { Transport } from "../../client/sync/transport.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import type { SeededRandom } from "../seeded-random.ts";

/** A device as a wrapper may need it: what its tabs share, and waits that the scheduler orders. */
export type PartContext = {
  readonly database: MemoryDatabase;
  readonly log: string;
  readonly user: string;
  /** The release that the tab runs. */
  readonly domain: DomainDefinition;
  readonly random: SeededRandom;
  readonly wait: (label: string, ms: number) => Promise<void>;
};

/** A request as a server node gets it, and its answer. */
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
  /** `ok`, or why not. */ readonly code: string;
  readonly text: string;
  readonly retryAfterMs: number | null;
};

export type NodeHandler = (request: NodeRequest) => Promise<NodeReply>;

export type SimulationParts = {
  /** What a tab or a server node runs in place of its release. */
  readonly release?: (domain: DomainDefinition, side: "tab" | "server") => DomainDefinition;
  /** Around the store that all server nodes share. Called once a node. */
  readonly eventStore?: (store: EventStore, context: Pick<PartContext, "random" | "wait">) => EventStore;
  /** Around the store of a device. Called once a tab. */
  readonly logStore?: (store: LogStore, context: PartContext) => LogStore;
  /** Around the network as a tab sees it. */
  readonly transport?: (transport: Transport, context: PartContext) => Transport;
  /** Around a server node's answers. */
  readonly node?: (handler: NodeHandler) => NodeHandler;
};
