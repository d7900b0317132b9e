/**
 * The subscribers of a server: one pool of logs for each, so that a slow subscriber holds up no other.
 *
 * Guarantees (subscribers.test.ts): those of LogPool and LogRunner. After `close` no handler runs.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, nodeName, settlesWithin } from "../base/env.ts";
import type { LagBook } from "../base/lag-book.ts";
import { LogPool } from "../base/log-pool.ts";
import type { Turn } from "../base/turn.ts";
import type { EventStore } from "../stores/event-store.ts";
import { divergedReport } from "./diverged-follower.ts";
import { dueLogs } from "./due-logs.ts";
import type { ExecuteAs } from "./handler-execute.ts";
import { LogRunner } from "./log-runner.ts";
import { readPlace, waitsForNewerCode } from "./place.ts";
import { isUnknown } from "./run-handler.ts";
import type { RunnerContext } from "./runner-context.ts";
import { Slots } from "./slots.ts";
import { watchedModels } from "./watched-models.ts";
import { checkedSubscribers, type Subscriber, type SubscriberDefinition } from "./subscriber.ts";

export type SubscribersOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly subscribers: readonly Subscriber[];
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** The book of lags. Undefined: nobody measures. */
  readonly lags?: LagBook | undefined;
  /** Executes the commands of handlers. */
  readonly executeAs: ExecuteAs;
  /** Milliseconds between two walks over all logs. */
  readonly walkMs: number;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
  /** The turn of such a runtime, which its other work shares. Null: timers start later work. */
  readonly turn: Turn | null;
};

/** Logs of one subscriber that run at once on a node. Handlers have a limit of their own. */
const RUNS_MAX = 64;
/** Milliseconds that running handlers have at a stop. */
const CLOSE_MS = 1_000;

export class Subscribers {
  readonly definitions: ReadonlyMap<string, SubscriberDefinition>;
  readonly #options: SubscribersOptions;
  readonly #pools: readonly SubscriberPool[];
  readonly #closing = new AbortController();
  readonly #closed = new AbortController();

  constructor(options: SubscribersOptions) {
    this.#options = options;
    const definitions = checkedSubscribers(options.domain, options.subscribers, options.store);
    this.definitions = new Map(definitions.map((definition) => [definition.name, definition]));
    const { models } = options.store;
    const node = nodeName(options.env);
    const signals = { closing: this.#closing.signal, closed: this.#closed.signal };
    this.#pools = models
      ? definitions.map((subscriber) => {
          const watched = { follower: subscriber.follower, label: `subscriber ${subscriber.name}` };
          const modelStore = watchedModels(models, options.lags, [watched]);
          return new SubscriberPool({ ...options, ...signals, subscriber, modelStore, node });
        })
      : [];
  }

  /** Starts the first walk. */
  start(): void {
    for (const pool of this.#pools) pool.start();
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.#options.env.now();
  }

  /** Reports that a log may have new records. Null: every log may. */
  poke(log: LogName | null): void {
    for (const pool of this.#pools) pool.poke(log);
  }

  /** The reason why the last run of a subscriber failed on this node. Null: it did not fail. */
  failureOf(log: LogName, subscriber: string): string | null {
    return this.#pools.find(({ name }) => name === subscriber)?.failureOf(log) ?? null;
  }

  /** Does the due work of a log, and returns the time of its next work, or Infinity. For a runtime that sleeps. */
  async work(log: LogName): Promise<number> {
    return Math.min(...(await Promise.all(this.#pools.map((pool) => pool.work(log)))));
  }

  /** Starts no more handlers, and waits for the running ones. After a second it aborts them. */
  async close(): Promise<void> {
    this.#closing.abort();
    const closed = Promise.all(this.#pools.map((pool) => pool.close()));
    if (!(await settlesWithin(this.#options.env, closed, CLOSE_MS))) this.#closed.abort();
    await closed;
  }
}

type PoolOptions = Omit<RunnerContext, "slots" | "hasWaiting" | "onDiverged"> &
  Pick<SubscribersOptions, "walkMs" | "ticks">;

class SubscriberPool {
  readonly name: string;
  readonly #pool: LogPool;
  readonly #runners = new Map<LogName, LogRunner>();

  constructor({ walkMs, ticks, ...options }: PoolOptions) {
    const { domain, subscriber, modelStore, env, report } = options;
    const slots = new Slots(subscriber.concurrency);
    const { name } = subscriber;
    this.name = name;
    const onDiverged = divergedReport({ noun: "subscriber", name, details: { subscriber: name } }, report);
    this.#pool = new LogPool({
      env,
      report,
      walkMs,
      ticks,
      turn: options.turn,
      runsMax: RUNS_MAX,
      due: dueLogs(modelStore, subscriber.follower, env),
      run: async (log) => {
        const place = await readPlace(modelStore, log, subscriber.follower);
        // It takes no lease, because a node with newer code needs it.
        if (typeof place !== "string" && waitsForNewerCode(place, (event) => isUnknown(domain, event), env.now()))
          return place.notes.nextAt ?? Infinity;
        const hasWaiting = (): boolean => this.#pool.hasWaiting;
        const runner = new LogRunner({ ...options, slots, hasWaiting, onDiverged }, log);
        this.#runners.set(log, runner);
        try {
          return await runner.run();
        } finally {
          this.#runners.delete(log);
        }
      },
    });
  }

  start(): void {
    this.#pool.start();
  }

  poke(log: LogName | null): void {
    if (log !== null && this.#runners.get(log)?.poke() === true) return;
    if (log === null) for (const runner of this.#runners.values()) runner.poke();
    this.#pool.poke(log);
  }

  failureOf(log: LogName): string | null {
    return this.#pool.failureOf(log);
  }

  work(log: LogName): Promise<number> {
    return this.#pool.work(log);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
