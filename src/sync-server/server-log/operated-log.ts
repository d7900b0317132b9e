/**
 * A log for an operator's program beside the server: its read models, subscribers and processes, without a server.
 *
 * Guarantees (cli.models.test.ts, cli.processes.test.ts):
 * - It runs no handler of a subscriber or a process manager, and executes no command.
 * - Only a program that `works` folds rows. It takes the leases and names the revisions that a server does.
 */
import type { LogName } from "../../core/values/ids.ts";
import { runtimeEnv } from "../base/env.ts";
import { SERVER_LIMITS } from "../base/limits.ts";
import { ModelKeepers } from "../read-models/model-keepers.ts";
import { RowsReader } from "../read-models/read-rows.ts";
import type { ServerModel } from "../read-models/strong.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { type LogProcesses, logProcesses } from "../processes/log-processes.ts";
import { type AnyProcessManager, checkedProcesses } from "../processes/process-manager.ts";
import type { EventStore } from "../stores/event-store.ts";
import { type LogSubscribers, logSubscribers } from "../subscribers/log-subscribers.ts";
import { checkedSubscribers, type Subscriber } from "../subscribers/subscriber.ts";
import type { LogModels } from "./log-models.ts";
import { logModels } from "./models.ts";
import { type RowsPage, readRows, type RowsOptions } from "./rows.ts";

export type OperatedLogOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly models: readonly ServerModel[];
  readonly subscribers: readonly Subscriber[];
  readonly processes: readonly AnyProcessManager[];
  /** True: this process folds rows of jobs. False: a server does, or a later program. */
  readonly works: boolean;
  readonly report: (error: unknown) => void;
};

export type OperatedLog = {
  readonly models: LogModels;
  readonly subscribers: LogSubscribers;
  readonly processes: LogProcesses;
  readonly rows: (model: string, options: RowsOptions) => Promise<RowsPage<unknown>>;
  /** Stops the folding, and deletes rows that no model has any more. */
  readonly close: () => Promise<void>;
};

/** A server that had the lease may have ended, so the program requests it again. */
const LOOK_MS = 1_000;
const SWEEP_ROWS = 1_000;

export async function operateLog(options: OperatedLogOptions, log: LogName): Promise<OperatedLog> {
  const { domain, store, models, works, report } = options;
  const env = runtimeEnv;
  const facts = { domain, store, env, report };
  const keepers = new ModelKeepers({
    ...facts,
    models,
    isBusy: () => false,
    walkMs: SERVER_LIMITS.lookMs,
    ticks: false,
    turn: null,
  });
  // Keepers that are closed fold nothing.
  if (!works) await keepers.close();
  const looking = works ? setInterval(() => keepers.poke(log), LOOK_MS) : undefined;
  const definitions = new Map(
    checkedSubscribers(domain, options.subscribers, store).map((definition) => [definition.name, definition] as const),
  );
  const processes = checkedProcesses(
    domain,
    options.processes,
    new Set([...definitions.keys(), ...keepers.models.keys()]),
    store,
  );
  const reading = {
    models: new Map([...keepers.models, ...processes]),
    reader: new RowsReader({ store, keepers, env }),
    limits: SERVER_LIMITS,
  };
  const followers = { now: env.now, poke: () => {}, failureOf: () => null };
  return {
    models: logModels({ ...facts, models: keepers.models, keepers }, log),
    subscribers: logSubscribers(store, { definitions, ...followers }, log),
    processes: logProcesses(store, { definitions: processes, ...followers }, log),
    rows: (model, rowsOptions) => readRows<never>(reading, log, model, rowsOptions),
    close: async () => {
      clearInterval(looking);
      if (!works) return;
      await keepers.close();
      while (await store.models?.sweep(SWEEP_ROWS)) await env.nextTurn();
    },
  };
}
