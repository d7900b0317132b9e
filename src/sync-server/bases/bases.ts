/**
 * Keeps the bases of all logs of a server, and reads them for devices that join a log.
 *
 * Guarantees (bases.test.ts):
 * - A log with fewer events than `everyEvents` costs nothing.
 * - A process makes one base at a time, because it holds the rows of that log in memory.
 * - A base whose cursor is no longer in the log is not served. A restored store may have such a base.
 * - A log that can have no base is reported, and the store keeps a note. So no node folds it again soon.
 * - With a turn, a build folds no longer than the turn, and the next event continues (cloudflare.bases.test.ts).
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { type Cursor, encodeCursor, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { DefinitionError } from "../../core/values/errors.ts";
import { type Env, nodeName } from "../base/env.ts";
import { evictOldest } from "../base/evict-oldest.ts";
import type { LagBook } from "../base/lag-book.ts";
import { LogPool } from "../base/log-pool.ts";
import type { Turn } from "../base/turn.ts";
import type { EventStore } from "../stores/event-store.ts";
import type { Follower, ModelStore } from "../stores/model-store.ts";
import { readKeys } from "../stores/read-keys.ts";
import {
  type BasePlan,
  basesOf,
  fingerprintOf,
  pageKey,
  PAGES,
  planBase,
  type StoredBase,
  unfitName,
  type UnfitNotes,
} from "./base-followers.ts";
import { type BaseOptions, baseOptions } from "./base-option.ts";
import { Lease } from "../subscribers/lease.ts";
import { buildBase, type BuildContext, type Unfit } from "./build-base.ts";

export type BasesOptions = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly base: boolean | BaseOptions | undefined;
  readonly env: Env;
  readonly report: (error: unknown) => void;
  /** The book of lags. Undefined: nobody measures. */
  readonly lags?: LagBook | undefined;
  readonly isBusy: () => boolean;
  /** False: no walks, for a runtime that sleeps between events. */
  readonly ticks: boolean;
  /** The turn of a runtime that sleeps between events. Null: a build continues until the end of the log. */
  readonly turn: Turn | null;
  /** Called before a build, so that the runtime wakes again if it loses its memory. */
  readonly wakeSoon?: (() => void) | undefined;
};

/** Appends report logs that need a base. The walk finds those of a crash, and bases that are a day old. */
const WALK_MS = 60 * 60_000;
/** The name of all bases in the metric of lags. */
const LABEL = "base";
/** Milliseconds that a build folds, also if the turn is over, because each build writes all pages of a base. */
const BUILD_MS_MIN = 5_000;
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
  #closed = false;

  constructor(options: BasesOptions) {
    const { store, domain, env, report, ticks, turn } = options;
    this.#options = options;
    this.#base = baseOptions(options.base, store);
    if (this.#base) options.lags?.add(LABEL);
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
            turn,
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
    const { models } = this.#options.store;
    const texts = base && models && (await readKeys(models, log, base.follower.name, PAGES, [pageKey(n)]));
    return texts?.get(pageKey(n)) ?? null;
  }

  /**
   * For a runtime that sleeps: makes the base of a log if it is due. Returns the time of the next work, in milliseconds
   * since the epoch. Infinity: after the next append.
   */
  async work(log: LogName): Promise<number> {
    return (await this.#pool?.work(log)) ?? Infinity;
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
    const { env, domain } = this.#options;
    const found = await modelStore.followers(log);
    if (!this.#base || found.kind !== "open") return Infinity;
    const facts = { ...this.#base, fingerprint: this.#fingerprint, release: domain.version, now: env.now() };
    const plan = planBase(found.followers, found.head, facts);
    if (plan.over.length > 0) {
      await this.#remove(log, modelStore, plan.over);
      return env.now();
    }
    remember(this.#nextAt, log, plan.dueFrom);
    this.#options.lags?.note(LABEL, log, plan.newest?.at ?? null, plan.isDue ? found.head : null);
    if (!plan.isDue) return plan.overAt;
    return (await this.#build(log, modelStore, plan, found.head)) ? env.now() : plan.overAt;
  }

  /** True: something changed, so the followers are read again. */
  async #build(
    log: LogName,
    modelStore: ModelStore,
    { newest, unfit }: Pick<BasePlan, "newest" | "unfit">,
    head: Cursor | null,
  ): Promise<boolean> {
    const { domain, store, env, lags, isBusy, turn, wakeSoon } = this.#options;
    if (!this.#base) return false;
    const startedAt = env.now();
    const lease = new Lease({ modelStore, log, follower: `base/${this.#fingerprint}`, node: this.#node, env });
    const context: BuildContext = {
      domain,
      store,
      modelStore,
      fingerprint: this.#fingerprint,
      options: this.#base,
      env,
      isBusy,
      isClosed: () => this.#closed,
      isOver: () => turn?.isOver === true && env.now() - startedAt >= BUILD_MS_MIN,
      keepLease: () => {
        // A long build reads no place, and its lag counts on.
        lags?.note(LABEL, log, newest?.at ?? null, head);
        return lease.hold();
      },
    };
    // Until the build shows more, another node may be at it.
    remember(this.#nextAt, log, positionOf(head) + this.#base.everyEvents);
    wakeSoon?.();
    try {
      const built = await buildBase(context, log, newest);
      if (built.kind === "unfit") await this.#keepUnfit(log, modelStore, built.reason, unfit, head);
      if (built.kind === "built" && unfit) await this.#remove(log, modelStore, [unfit]);
      if (built.kind === "newest-lost" && newest) await this.#remove(log, modelStore, [newest.follower]);
      return built.kind === "built" || built.kind === "newest-lost";
    } finally {
      await lease.giveBack();
    }
  }

  /** A log without a base is folded from its beginning each time. So it is tried ever more rarely. */
  async #keepUnfit(
    log: LogName,
    modelStore: ModelStore,
    reason: Unfit["reason"],
    before: Follower | null,
    head: Cursor | null,
  ): Promise<void> {
    const { env, report, domain } = this.#options;
    const position = positionOf(head);
    const bytesMax = this.#base?.bytesMax ?? 0;
    const notes: UnfitNotes = { position, bytesMax, release: domain.version, madeAt: env.now() };
    const next = { at: null, text: JSON.stringify(notes), wake: null, tables: {} };
    const follower = { name: unfitName(this.#fingerprint), revision: before?.revision ?? 0, next };
    const { kind } = await modelStore.write(log, { followers: [follower], rows: [] });
    remember(this.#nextAt, log, 2 * position);
    // Another node was faster, and has reported it.
    if (kind !== "ok") return;
    const isLarge = reason === "too-large";
    report(
      new DefinitionError({
        message: isLarge
          ? `The base of the log ${log} would have more than ${bytesMax} bytes, or more than 1 MiB in a bucket`
          : `The log ${log} has an event that this code cannot fold, so it has no base`,
        fix: isLarge
          ? "Raise the option base.bytesMax if there is memory for it. Without a base, new devices pull the whole log."
          : "Deploy code that folds the event. Until then new devices pull the whole log.",
        details: { log, position, bytesMax },
      }),
    );
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
