/**
 * Keeps the read models of all logs of a server.
 *
 * Guarantees (model-keepers.test.ts): those of LogPool, by which the keepers of many logs take turns.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, nodeName } from "../base/env.ts";
import type { LagBook } from "../base/lag-book.ts";
import { LogPool } from "../base/log-pool.ts";
import type { Turn } from "../base/turn.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { Follower, ModelStore } from "../stores/model-store.ts";
import { watchedModels } from "../subscribers/watched-models.ts";
import { LogSignals } from "../base/log-signals.ts";
import { notesOf } from "./follower-notes.ts";
import { KeeperPace } from "./keeper-pace.ts";
import { type KeeperContext, LogKeeper } from "./log-keeper.ts";
import { type ReadModel, readModels } from "./read-model.ts";
import type { ServerModel } from "./strong.ts";
import { UnknownEvents } from "./unknown-events.ts";

export type ModelKeepersOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly models: readonly ServerModel[];
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** The book of lags. Undefined: nobody measures. */
  readonly lags?: LagBook | undefined;
  /** True: pushes wait, so long folds rest. */
  readonly isBusy: () => boolean;
  /** Milliseconds between two walks over all logs. */
  readonly walkMs: number;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
  /** The turn of such a runtime, which its other work shares. Null: timers start later work. */
  readonly turn: Turn | null;
};

const KEEPERS_MAX = 8;

export class ModelKeepers {
  readonly models: ReadonlyMap<string, ReadModel>;
  readonly #moved: LogSignals;
  readonly #pace: KeeperPace;
  /** Null: the server has no models. */
  readonly #pool: LogPool | null;
  #closed = false;

  constructor({ domain, models, ...options }: ModelKeepersOptions) {
    const { store, env } = options;
    this.#moved = new LogSignals(env);
    this.#pace = new KeeperPace(env.now, options.isBusy);
    this.models = readModels(domain, models, store);
    const modelStore = store.models;
    this.#pool = modelStore && this.models.size > 0 ? this.#poolOf(options, modelStore) : null;
  }

  /** Starts the first walk. */
  start(): void {
    this.#pool?.start();
  }

  /** Reports that a log may have new records. Null: every log may. */
  poke(log: LogName | null): void {
    this.#pool?.poke(log);
  }

  /** Reports that an append moved the rows of all models of a log. */
  folded(log: LogName): void {
    this.#moved.send(log);
  }

  /** Does the due work of a log, and returns the time of its next work, or Infinity. For a runtime that sleeps. */
  async work(log: LogName): Promise<number> {
    return this.#pool?.work(log) ?? Infinity;
  }

  /** Resolves when the rows of a log have changed on this node, or after `ms` milliseconds. */
  changed(log: LogName, ms: number): Promise<void> {
    return this.#moved.wait(log, ms);
  }

  /** Lets the keeper of a log run, and resolves after its next write, or after `ms` milliseconds. */
  catchUp(log: LogName, ms: number): Promise<void> {
    this.poke(log);
    return this.changed(log, ms);
  }

  /** The reason why the last run of a log failed on this node, such as a full disk. Null: it did not fail. */
  failureOf(log: LogName): string | null {
    return this.#pool?.failureOf(log) ?? null;
  }

  /** Reports that the store may have rows of orphaned tables. */
  noteOrphans(): void {
    this.#pace.hasOrphans = true;
  }

  /** True after `close`. Then no rows move any more on this node. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Stops the walks, and waits for the running keepers to finish their steps. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#moved.close();
    await this.#pool?.close();
  }

  #poolOf({ store, env, ...options }: Omit<ModelKeepersOptions, "domain" | "models">, given: ModelStore): LogPool {
    const models = [...this.models.values()];
    const watched = models.map(({ name, follower }) => ({
      follower,
      label: `model ${name}`,
      isFollowing: isNotPurged,
    }));
    const modelStore = watchedModels(given, options.lags, watched);
    const followers = models.map(({ follower }) => follower);
    const unknown = new UnknownEvents();
    const context: KeeperContext = {
      store,
      modelStore,
      models,
      env,
      pace: this.#pace,
      node: nodeName(env),
      isClosed: () => this.#closed,
      onMoved: (log) => this.#moved.send(log),
      report: options.report,
    };
    return new LogPool({
      ...options,
      env,
      runsMax: KEEPERS_MAX,
      due: (after, limit) => modelStore.due(followers, env.now(), after, limit),
      run: async (log) => {
        try {
          return await new LogKeeper(context, log, unknown).run();
        } finally {
          this.#moved.send(log);
        }
      },
    });
  }
}

/** The rows of a purged model do not follow the log. */
function isNotPurged(follower: Follower | undefined): boolean {
  return notesOf(follower)?.phase !== "purged";
}
