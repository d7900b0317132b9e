/** A shop with its process manager on virtual time: events, runs that crash at any write, clock jumps and releases. */
import { runtimeEnv } from "../../src/sync-server/base/env.ts";
import type { SyncServer } from "../../src/sync-server/app.ts";
import { type AnyProcessManager, checkedProcesses } from "../../src/sync-server/processes/process-manager.ts";
import { ProcessRunner } from "../../src/sync-server/processes/process-runner.ts";
import { type LogProcesses, logProcesses } from "../../src/sync-server/processes/log-processes.ts";
import { Processes } from "../../src/sync-server/processes/processes.ts";
import { UnknownEvents } from "../../src/sync-server/read-models/unknown-events.ts";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import type { ModelStore } from "../../src/sync-server/stores/model-store.ts";
import type { ExecuteAs } from "../../src/sync-server/subscribers/handler-execute.ts";
import type { CommandRequest } from "../../src/core/domain/definition.ts";
import { fulfilmentOf, shop } from "./orders-domain.ts";
import { testServer } from "./sync-requests.ts";

/** The end of a process in the middle of a call. */
export class Crash extends Error {}

export const LATE_MS = 15 * 60_000;
export const LOG = "shop";

type Faults = {
  /** Decides before and after each call that changes something. True: the node crashes there. */
  readonly crashes: () => boolean;
};

export class ProcessWorld {
  now = Date.UTC(2026, 0, 1);
  isPoisoned = false;
  faults: Faults | null = null;
  readonly errors: unknown[] = [];
  readonly server: SyncServer;
  readonly store: EventStore;
  readonly #models: ModelStore;
  readonly #env = { ...runtimeEnv, now: () => this.now };
  readonly #managers = new Map<number, AnyProcessManager>();
  readonly #make: (version: number) => AnyProcessManager;
  /** Writes of the model store until now. */
  writes = 0;

  /** `make` returns the process manager of a release. Without it, orders wait for their payments. */
  constructor(store: EventStore, make?: (version: number) => AnyProcessManager) {
    const { models } = store;
    if (!models) throw new Error("The store keeps no rows");
    this.store = store;
    this.#models = models;
    this.#make = make ?? ((version) => fulfilmentOf({ version, lateMs: LATE_MS, isPoisoned: () => this.isPoisoned }));
    this.server = testServer({ domain: shop, store, env: this.#env, liveTicks: false });
  }

  /** The process manager of a release. */
  manager(version: number): AnyProcessManager {
    const manager = this.#managers.get(version) ?? this.#make(version);
    this.#managers.set(version, manager);
    return manager;
  }

  /** The verbs of an operator, by the code of a release. They start no run. */
  async operator(version: number): Promise<LogProcesses> {
    const processes = new Processes({
      domain: shop.definition,
      store: this.store,
      processes: [this.manager(version)],
      taken: new Set(),
      env: this.#env,
      report: (error) => this.errors.push(error),
      executeAs: () => Promise.reject(new Error("no run")),
      walkMs: 1_000,
      ticks: false,
      turn: null,
    });
    await processes.close();
    return logProcesses(this.store, processes, LOG);
  }

  /** The stored rows. */
  async rows(): Promise<ReadonlyMap<string, unknown>> {
    const range = { from: null, to: null, after: null, limit: 1_000, bytes: 1e9 };
    const page = await this.#models.rows(LOG, "process/fulfilment", "rows", range);
    return new Map((page?.rows ?? []).map(([key, text]) => [key, JSON.parse(text ?? "null") as unknown]));
  }

  execute(command: CommandRequest, actor = "ada"): Promise<unknown> {
    return this.server.log(LOG).execute(command, { actor });
  }

  /**
   * Runs a node until it rests or crashes. Returns the time of its next work, or null after a crash. `executeMax`: the
   * log is full after this number of commands.
   */
  async run(version: number, { executeMax = Infinity } = {}): Promise<number | null> {
    const manager = this.manager(version);
    const process = checkedProcesses(shop.definition, [manager], new Set(), this.store).get(manager.name);
    if (!process) throw new Error("no process");
    const node = { isDead: false };
    let executed = 0;
    const executeAs: ExecuteAs = (log, commands, by) =>
      this.#faulty(node, () => {
        if (++executed > executeMax) throw new Error("the log is full");
        return this.server.log(log).execute(commands, by);
      });
    const models = this.#models;
    const modelStore = changed<ModelStore>(models, {
      write: (log, write) => {
        this.writes++;
        return this.#faulty(node, () => models.write(log, write));
      },
      // Every node believes that it has the lease. So only the revisions keep the rows right.
      lease: () => Promise.resolve(true),
    });
    const runner = new ProcessRunner(
      {
        store: this.store,
        modelStore,
        manager: process,
        env: this.#env,
        report: (error) => this.errors.push(error),
        executeAs,
        node: () => "node",
        closing: new AbortController().signal,
        hasWaiting: () => false,
        turn: null,
        unknown: new UnknownEvents(),
        onDiverged: () => this.errors.push("diverged"),
      },
      LOG,
    );
    try {
      return await runner.run();
    } catch (error) {
      if (error instanceof Crash) return null;
      throw error;
    }
  }

  /** A call of a node, which may die before or after it. A dead node changes nothing any more. */
  async #faulty<Result>(node: { isDead: boolean }, call: () => Promise<Result>): Promise<Result> {
    const crash = (): void => {
      node.isDead ||= this.faults?.crashes() === true;
      if (node.isDead) throw new Crash();
    };
    crash();
    const result = await call();
    crash();
    return result;
  }
}

/** The same object with some other methods. */
function changed<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get: (target, name): unknown => {
      const value: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
