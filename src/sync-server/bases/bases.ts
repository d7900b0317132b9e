/**
 * Keeps the bases of all logs of a server, and reads them for devices that join a log.
 *
 * Guarantees (bases.test.ts):
 * - A log with fewer events than `everyEvents` costs nothing.
 * - A process makes one base at a time, because it holds the rows of that log in memory.
 * - A base whose cursor is no longer in the log is not served. A restored store may have such a base.
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { type Cursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { type Env, nodeName } from "../base/env.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import { LogPool } from "../base/log-pool.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { Follower, ModelStore } from "../stores/model-store.ts";
import { basesOf, fingerprintOf, pageKey, PAGES, planBase, type StoredBase } from "./base-followers.ts";
import { type BaseOptions, baseOptions } from "./base-option.ts";
import { buildBase, type BuildContext } from "./build-base.ts";

export type BasesOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly base: boolean | BaseOptions | undefined;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  readonly isBusy: () => boolean;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
};

/** Appends report logs that need a base. The walk finds those of a crash, and bases that are a day old. */
const WALK_MS = 60 * 60_000;
const LEASE_MS = 15_000;
const RENEW_MS = 5_000;
/** Logs whose next position is remembered. The position of another log is read again after its next append. */
const LOGS_MAX = 100_000;

export class Bases {
  readonly #options: BasesOptions;
  readonly #base: Required<BaseOptions> | null;
  readonly #fingerprint: string;
  readonly #node: () => string;
  readonly #pool: LogPool | null;
  /** The position at which a log needs its next base. */
  readonly #nextAt = new Map<LogName, number>();
  /** Logs that can have no base, and the position from which a build is tried again. */
  readonly #unfit = new Map<LogName, number>();
  #closed = false;

  constructor(options: BasesOptions) {
    const { store, domain, env, report, ticks } = options;
    this.#options = options;
    this.#base = baseOptions(options.base, store);
    this.#fingerprint = fingerprintOf(domain);
    this.#node = nodeName(env);
    const { models } = store;
    this.#pool =
      this.#base && models
        ? new LogPool({
            env,
            report,
            ticks,
            runsMax: 1,
            turn: null,
            walkMs: WALK_MS,
            // No follower has this name, so the walk examines every log.
            due: (after, limit) => models.due([`base/${this.#fingerprint}`], env.now(), after, limit),
            run: (log) => this.#run(log, models),
          })
        : null;
  }

  /** Starts the first walk. */
  start(): void {
    this.#pool?.start();
  }

  /** Reports that a log ends at this cursor. */
  appended(log: LogName, head: Cursor | null): void {
    if (this.#base && positionOf(head) >= (this.#nextAt.get(log) ?? this.#base.everyEvents)) this.#pool?.poke(log);
  }

  /** Reports that a log was imported. */
  imported(log: LogName): void {
    this.#pool?.poke(log);
  }

  /** Returns the newest base of a log. Null: it has none. */
  async newest(log: LogName): Promise<StoredBase | null> {
    for (const base of await this.#read(log)) {
      const { kind } = await this.#options.store.read(log, base.at, { events: 1, bytes: 1 });
      if (kind === "page") return base;
    }
    return null;
  }

  /** Returns the text of a page of a base. Null: there is no such base, or it has no such page. */
  async page(log: LogName, cursor: Cursor, n: number): Promise<string | null> {
    const base = (await this.#read(log)).find(({ at }) => encodeCursor(at) === encodeCursor(cursor));
    const page =
      base && (await this.#options.store.models?.rows(log, base.follower.name, PAGES, { keys: [pageKey(n)] }));
    return page?.rows[0]?.[1] ?? null;
  }

  /** Stops the walks, and waits for the running build to finish its step. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#pool?.close();
  }

  async #read(log: LogName): Promise<readonly StoredBase[]> {
    const found = this.#base && (await this.#options.store.models?.followers(log));
    return found?.kind === "open" ? basesOf(found.followers, this.#fingerprint) : [];
  }

  async #run(log: LogName, modelStore: ModelStore): Promise<number> {
    const { env } = this.#options;
    const found = await modelStore.followers(log);
    if (!this.#base || found.kind !== "open") return Infinity;
    const { everyEvents } = this.#base;
    const facts = { fingerprint: this.#fingerprint, everyEvents, now: env.now() };
    const { newest, isDue, over, overAt } = planBase(found.followers, found.head, facts);
    if (over.length > 0) {
      await this.#remove(log, modelStore, over);
      return env.now();
    }
    if (positionOf(found.head) < (this.#unfit.get(log) ?? 0)) return overAt;
    if (!isDue) {
      remember(this.#nextAt, log, positionOf(newest?.at ?? null) + everyEvents);
      return overAt;
    }
    return (await this.#build(log, modelStore, newest, found.head)) ? env.now() : overAt;
  }

  /** True: something changed, so the followers are read again. */
  async #build(log: LogName, modelStore: ModelStore, newest: StoredBase | null, head: Cursor | null): Promise<boolean> {
    const { domain, store, env, isBusy } = this.#options;
    if (!this.#base) return false;
    const name = `base/${this.#fingerprint}`;
    let renewedAt = -Infinity;
    const context: BuildContext = {
      domain,
      store,
      modelStore,
      fingerprint: this.#fingerprint,
      options: this.#base,
      env,
      isBusy,
      isClosed: () => this.#closed,
      keepLease: async () => {
        if (env.now() - renewedAt < RENEW_MS) return true;
        const isHeld = await modelStore.lease(log, name, this.#node(), LEASE_MS);
        if (isHeld) renewedAt = env.now();
        return isHeld;
      },
    };
    // Until the build shows more, another node may be at it.
    remember(this.#nextAt, log, positionOf(head) + this.#base.everyEvents);
    try {
      const built = await buildBase(context, log, newest);
      // A log that cannot have a base is folded from its beginning each time. So it is tried ever more rarely.
      if (built.kind === "unfit") remember(this.#unfit, log, 2 * built.at.position);
      if (built.kind === "newest-lost" && newest) await this.#remove(log, modelStore, [newest.follower]);
      return built.kind === "built" || built.kind === "newest-lost";
    } finally {
      // A lease that is not returned ends by itself.
      await modelStore.lease(log, name, this.#node(), 0).catch(() => {});
    }
  }

  async #remove(log: LogName, modelStore: ModelStore, followers: readonly Follower[]): Promise<void> {
    const removed = followers.map(({ name, revision }) => ({ name, revision, next: null }));
    await modelStore.write(log, { followers: removed, rows: [] });
    while (!this.#closed && (await modelStore.sweep(100))) await this.#options.env.nextTurn();
  }
}

function remember(positions: Map<LogName, number>, log: LogName, position: number): void {
  positions.delete(log);
  positions.set(log, position);
  evictOldest(positions, () => positions.size > LOGS_MAX);
}
