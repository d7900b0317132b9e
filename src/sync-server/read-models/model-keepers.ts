/**
 * Keeps the read models of all logs of a server: which logs have work, and how many keepers run at once.
 *
 *     poke (an append, a hint, a reader) ──┐
 *     walk over all logs (`due`) ──────────┴─> waiting logs ──> at most 8 keepers
 *
 * Guarantees (model-keepers.test.ts):
 * - A poke is a hint. A log whose poke was lost, such as by a crash, is found by the walk.
 * - A keeper that fails is tried again, later each time, and stops no other log.
 * - After `close` no keeper runs.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { AnyProjection } from "../../core/domain/handle-types.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, jittered, randomHex } from "../base/env.ts";
import type { EventStore } from "../stores/event-store.ts";
import { LogSignals } from "../base/log-signals.ts";
import { type KeeperContext, LogKeeper, UnknownEvents } from "./log-keeper.ts";
import { type ReadModel, readModels } from "./read-model.ts";

export type ModelKeepersOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly models: readonly AnyProjection[];
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** Milliseconds between two walks over all logs. */
  readonly walkMs: number;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
};

const KEEPERS_MAX = 8;
const WALK_LOGS = 1_000;
/** Milliseconds between two pages of a walk, so that many logs do not block the server. */
const WALK_PAUSE_MS = 50;
const RETRY_MS = { first: 500, max: 30_000 };

export class ModelKeepers {
  readonly models: ReadonlyMap<string, ReadModel>;
  readonly #options: ModelKeepersOptions;
  readonly #context: KeeperContext | null;
  /** The logs whose keeper runs. True: the log was poked meanwhile. */
  readonly #running = new Map<LogName, boolean>();
  readonly #waiting = new Set<LogName>();
  readonly #failures = new Map<LogName, number>();
  readonly #moved: LogSignals;
  readonly #unknown = new UnknownEvents();
  readonly #timers = new Set<() => void>();
  #whenIdle: (() => void) | null = null;
  #closed = false;

  constructor(options: ModelKeepersOptions) {
    const { domain, store, models, env } = options;
    this.#options = options;
    this.#moved = new LogSignals(env);
    this.models = readModels(domain, models, store);
    const modelStore = store.models;
    this.#context =
      modelStore && this.models.size > 0
        ? {
            store,
            modelStore,
            models: [...this.models.values()],
            env,
            node: nodeName(env),
            isClosed: () => this.#closed,
            onMoved: (log) => this.#moved.send(log),
          }
        : null;
  }

  /** Starts the first walk. */
  start(): void {
    if (this.#context && this.#options.ticks) this.#after(0, () => void this.#walk(null));
  }

  /** Reports that a log may have new records. Null: every log may. */
  poke(log: LogName | null): void {
    if (!this.#context || this.#closed) return;
    if (log === null) return void this.#walkPage(null).catch(this.#options.report);
    if (this.#running.has(log)) this.#running.set(log, true);
    else this.#waiting.add(log);
    this.#startWaiting();
  }

  /** Resolves when the rows of a log have changed on this node, or after `ms` milliseconds. */
  changed(log: LogName, ms: number): Promise<void> {
    return this.#moved.wait(log, ms);
  }

  /** True after `close`. Then no rows move any more on this node. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Stops the walks, and waits for the running keepers to finish their steps. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#moved.close();
    this.#waiting.clear();
    for (const cancel of this.#timers) cancel();
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#whenIdle = resolve));
  }

  #startWaiting(): void {
    for (const log of this.#waiting) {
      if (this.#closed || this.#running.size >= KEEPERS_MAX) return;
      this.#waiting.delete(log);
      this.#running.set(log, false);
      void this.#run(log);
    }
  }

  async #run(log: LogName): Promise<void> {
    const { env, report } = this.#options;
    let hasMore = false;
    try {
      hasMore = await this.#keeperOf(log).run();
      this.#failures.delete(log);
    } catch (error) {
      const failures = (this.#failures.get(log) ?? 0) + 1;
      this.#failures.set(log, failures);
      // A closed store fails each call, and its server does not run any more.
      if (!this.#closed) report(error);
      const delayMs = Math.min(RETRY_MS.first * 2 ** (failures - 1), RETRY_MS.max);
      this.#after(jittered(env, delayMs), () => this.poke(log));
    }
    const isPoked = this.#running.get(log) === true;
    this.#running.delete(log);
    this.#moved.send(log);
    if (hasMore || isPoked) this.poke(log);
    this.#startWaiting();
    if (this.#running.size === 0) this.#whenIdle?.();
  }

  #keeperOf(log: LogName): LogKeeper {
    if (!this.#context) throw new Error("A server without models has no keeper");
    return new LogKeeper(this.#context, log, this.#unknown);
  }

  async #walk(after: string | null): Promise<void> {
    const { report, walkMs } = this.#options;
    const next = await this.#walkPage(after).catch((error: unknown) => {
      if (!this.#closed) report(error);
      return null;
    });
    this.#after(next === null ? walkMs : WALK_PAUSE_MS, () => void this.#walk(next));
  }

  async #walkPage(after: string | null): Promise<string | null> {
    if (!this.#context || this.#closed) return null;
    const names = this.#context.models.map(({ follower }) => follower);
    const { logs, next } = await this.#context.modelStore.due(names, this.#options.env.now(), after, WALK_LOGS);
    for (const log of logs) this.poke(log);
    return next;
  }

  #after(delayMs: number, run: () => void): void {
    if (this.#closed) return;
    const cancel = this.#options.env.setTimer(() => {
      this.#timers.delete(cancel);
      if (!this.#closed) run();
    }, delayMs);
    this.#timers.add(cancel);
  }
}

/** Returns the name of this node for leases. It is drawn late, because Workers draw none before the first request. */
function nodeName(env: Env): () => string {
  let name = "";
  return () => (name ||= randomHex(env, 8));
}
