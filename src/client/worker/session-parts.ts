/** The parts of the runtime and of the app that a log in a tab is made of. */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { Actor } from "../../core/values/ids.ts";
import type { Env } from "../env/env.ts";
import type { OpenOptions, UpdateSink } from "../messages/worker-messages.ts";
import type { LogStore } from "../stores/log-store.ts";
import type { Transport } from "../sync/transport.ts";

export type SessionParts = {
  readonly domain: DomainDefinition;
  readonly options: OpenOptions;
  readonly page: UpdateSink;
  readonly env: Env;
  readonly store: LogStore;
  /** True: no other tab has this store, and it disappears with the tab. */
  readonly isVolatile?: boolean;
  /** Null for a log without a server. */
  readonly transport: Transport | null;
  /** Opens this log's store of another user, for `moveTo`. */
  readonly openStore?: (user: Actor) => Promise<LogStore>;
};
