/**
 * The process managers of a server: one pool of logs for each, so that a busy one holds up no other.
 *
 * Guarantees (processes.test.ts): those of LogPool and ProcessRunner. After `close` no command begins.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, nodeName } from "../base/env.ts";
import type { LagBook } from "../base/lag-book.ts";
import { LogPool } from "../base/log-pool.ts";
import type { Turn } from "../base/turn.ts";
import { UnknownEvents } from "../read-models/unknown-events.ts";
import type { EventStore } from "../stores/event-store.ts";
import { divergedReport } from "../subscribers/diverged-follower.ts";
import { dueLogs } from "../subscribers/due-logs.ts";
import type { ExecuteAs } from "../subscribers/handler-execute.ts";
import { watchedModels } from "../subscribers/watched-models.ts";
import { type AnyProcessManager, checkedProcesses, type ProcessDefinition } from "./process-manager.ts";
import { ProcessRunner } from "./process-runner.ts";

export type ProcessesOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly processes: readonly AnyProcessManager[];
  /** The names of the server's subscribers and models, which no process manager can have. */
  readonly taken: ReadonlySet<string>;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** The book of lags. Undefined: nobody measures. */
  readonly lags?: LagBook | undefined;
  /** Executes the commands of processes. */
  readonly executeAs: ExecuteAs;
  /** Milliseconds between two walks over all logs. */
  readonly walkMs: number;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
  /** The turn of such a runtime, which its other work shares. Null: timers start later work. */
  readonly turn: Turn | null;
};

/** Logs of one process manager that run at once on a node. */
const RUNS_MAX = 16;

export class Processes {
  readonly definitions: ReadonlyMap<string, ProcessDefinition>;
  readonly #options: ProcessesOptions;
  readonly #pools: ReadonlyMap<string, LogPool>;
  readonly #closing = new AbortController();

  constructor(options: ProcessesOptions) {
    const { domain, store, processes, taken, env } = options;
    this.#options = options;
    this.definitions = checkedProcesses(domain, processes, taken, store);
    const node = nodeName(env);
    const managers = [...this.definitions];
    this.#pools = new Map(managers.map(([name, manager]) => [name, this.#poolOf(manager, node)]));
  }

  /** Starts the first walk. */
  start(): void {
    for (const pool of this.#pools.values()) pool.start();
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#options.env.now();
  }

  /** Reports that a log may have new records. Null: every log may. */
  poke(log: LogName | null): void {
    for (const pool of this.#pools.values()) pool.poke(log);
  }

  /** The reason why the last run of a process manager failed on this node. Null: it did not fail. */
  failureOf(log: LogName, manager: string): string | null {
    return this.#pools.get(manager)?.failureOf(log) ?? null;
  }

  /** Does the due work of a log, and returns the time of its next work, or Infinity. For a runtime that sleeps. */
  async work(log: LogName): Promise<number> {
    return Math.min(...(await Promise.all([...this.#pools.values()].map((pool) => pool.work(log)))));
  }

  /** Begins no more steps, and waits for the running ones. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  #poolOf(manager: ProcessDefinition, node: () => string): LogPool {
    const { store, env, report, lags, executeAs, walkMs, ticks, turn } = this.#options;
    const { name, follower } = manager;
    // `checkedProcesses` refused a store without models.
    if (!store.models) throw new Error(`The store keeps no process manager ${name}`);
    const modelStore = watchedModels(store.models, lags, [{ follower, label: `process ${name}` }]);
    const unknown = new UnknownEvents();
    const onDiverged = divergedReport({ noun: "process manager", name, details: { process: name } }, report);
    const closing = this.#closing.signal;
    const counted: ExecuteAs = (...call) => {
      turn?.countCall();
      return executeAs(...call);
    };
    const shared = {
      store,
      modelStore,
      manager,
      env,
      report,
      executeAs: counted,
      node,
      closing,
      unknown,
      turn,
      onDiverged,
    };
    const pool: LogPool = new LogPool({
      env,
      report,
      walkMs,
      ticks,
      turn,
      runsMax: RUNS_MAX,
      due: dueLogs(modelStore, manager.follower, env),
      run: (log) => new ProcessRunner({ ...shared, hasWaiting: () => pool.hasWaiting }, log).run(),
    });
    return pool;
  }
}

/** The process managers of a server, or of a program that runs none of their commands. */
export type KnownProcesses = Pick<Processes, "definitions" | "now" | "poke" | "failureOf">;
