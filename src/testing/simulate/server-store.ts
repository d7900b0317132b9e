/**
 * The store that all server nodes share. It survives their crashes and has backups.
 *
 * It is a memory store with a list of all appends. A restore makes a new memory store from the first appends of the
 * list. Each node uses it through `nodeStore`, in which operations take time and fail.
 */
import { type Cursor, encodeCursor } from "../../core/history/record.ts";
import type { Append, EventStore } from "../../sync-server/stores/event-store.ts";
import type { ModelStore } from "../../sync-server/stores/model-store.ts";
import { memory } from "../../sync-server/stores/memory.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { NodeBus } from "./node-bus.ts";
import type { PlainRecord } from "./plain-record.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

export class ServerStore {
  inner: EventStore = memory();
  readonly #appends: { readonly log: string; readonly append: Append }[] = [];
  /** For each log, the highest version that each stream ever had, also if a restore lost it. */
  readonly #highest = new Map<string, Map<string, number>>();
  readonly #dropped = new Set<string>();
  readonly #turns = new Map<string, Owner>();
  readonly #leases = new Map<string, { readonly holder: string; readonly until: number }>();

  async append(log: string, append: Append) {
    const result = await this.inner.append(log, append);
    if (result.kind === "ok") {
      this.#appends.push({ log, append });
      this.#raiseHighest(log, append);
    }
    return result;
  }

  #raiseHighest(log: string, { records }: Append): void {
    const highest = this.#highest.get(log) ?? new Map<string, number>();
    this.#highest.set(log, highest);
    for (const { stream, last } of records.flatMap(({ streams }) => streams))
      highest.set(stream, Math.max(last, highest.get(stream) ?? 0));
  }

  /** Starts a turn, unless another node has one (S20). The database ends the turn of a node that died. */
  beginTurn(log: string, owner: Owner): boolean {
    if (this.isHeld(log)) return false;
    this.#turns.set(log, owner);
    return true;
  }

  isHeld(log: string): boolean {
    const owner = this.#turns.get(log);
    return owner !== undefined && owner.state !== "dead";
  }

  endTurn(log: string): void {
    this.#turns.delete(log);
  }

  /** Takes or renews a lease by the time of the simulation (M9). */
  lease(key: string, holder: string, ms: number, now: number): boolean {
    const held = this.#leases.get(key);
    if (held && held.holder !== holder && held.until > now) return false;
    this.#leases.set(key, { holder, until: now + ms });
    return ms > 0;
  }

  isDropped(log: string): boolean {
    return this.#dropped.has(log);
  }

  /** Returns the last version of each stream up to a cursor. Null if the log does not have this cursor now. */
  versionsAt(log: string, after: string | null): ReadonlyMap<string, number> | null {
    const versions = new Map<string, number>();
    if (after === null) return versions;
    for (const { append } of this.#appends.filter((one) => one.log === log)) {
      for (const { cursor, streams } of append.records) {
        for (const { stream, last } of streams) versions.set(stream, last);
        if (encodeCursor(cursor) === after) return versions;
      }
    }
    return null;
  }

  /** Returns the highest version that each stream of the log ever had. */
  highestVersions(log: string): ReadonlyMap<string, number> {
    return this.#highest.get(log) ?? new Map();
  }

  async drop(log: string): Promise<void> {
    this.#dropped.add(log);
    await this.inner.drop(log);
  }

  /** The records of a log now. */
  recordsOf(log: string): readonly PlainRecord[] {
    return this.#appends
      .filter((one) => one.log === log)
      .flatMap(({ append }) => append.records.map(({ text }) => parseOwnJson<PlainRecord>(text)));
  }

  headOf(log: string): Cursor | null {
    return (
      this.#appends.findLast((one) => one.log === log && one.append.records.length > 0)?.append.records.at(-1)
        ?.cursor ?? null
    );
  }

  get appends(): number {
    return this.#appends.length;
  }

  /** Goes back to the state after the first `kept` appends. Dropped logs stay dropped. */
  async restore(kept: number): Promise<void> {
    const restored = memory();
    this.#appends.length = Math.min(this.#appends.length, kept);
    for (const { log, append } of this.#appends) await restored.append(log, append);
    for (const log of this.#dropped) await restored.drop(log);
    this.inner = restored;
  }
}

export type StoreFailures = {
  /** Whether an operation fails now, before it runs. */
  readonly before: () => boolean;
  /** Whether an append fails now, after it ran. */
  readonly after: () => boolean;
  /** The time from the end of an operation to its answer, in milliseconds. It is long for a reader that lags. */
  readonly lagMs: () => number;
};

/**
 * @param hasModels false: a store that cannot keep bases
 * @param bus the messages to the other nodes, or null for a store without them
 * @param slowness the longest time of an operation in milliseconds, long enough that two nodes meet in a shared store
 */
export function nodeStore(
  store: ServerStore,
  owner: Owner,
  scheduler: Scheduler,
  failures: StoreFailures,
  slowness: number,
  bus: NodeBus | null,
  hasModels: boolean,
): EventStore {
  const step = async <T>(operation: string, run: () => Promise<T>): Promise<T> => {
    await scheduler.wait(owner, `db ${operation}`, scheduler.random.below(slowness));
    if (failures.before()) {
      scheduler.note(`fault: db ${operation} fails`);
      throw new Error("the database failed");
    }
    const result = await run();
    const failsAfter = operation === "append" && failures.after();
    await scheduler.wait(owner, `db ${operation} done`, failures.lagMs());
    if (!failsAfter) return result;
    scheduler.note("fault: db append fails after it wrote");
    throw new Error("the database's connection was lost");
  };
  const untilFree = async (log: string): Promise<void> => {
    while (store.isHeld(log)) await scheduler.wait(owner, "db waits for a turn", 1 + scheduler.random.below(slowness));
  };
  const append = (log: string, batch: Append) => step("append", () => store.append(log, batch));
  const calls: EventStore = {
    head: (log) => step("head", () => store.inner.head(log)),
    append: (log, batch) =>
      step("append", async () => {
        await untilFree(log);
        return store.append(log, batch);
      }),
    takeTurn: async (log, work) => {
      do await step("turn", () => untilFree(log));
      while (!store.beginTurn(log, owner));
      try {
        return await work({ ...calls, append });
      } finally {
        store.endTurn(log);
      }
    },
    read: (log, after, limit) => step("read", () => store.inner.read(log, after, limit)),
    readStream: (log, stream, after, limit) =>
      step("readStream", () => store.inner.readStream(log, stream, after, limit)),
    written: (log, streams) => step("written", () => store.inner.written(log, streams)),
    known: (log, commits) => step("known", () => store.inner.known(log, commits)),
    drop: (log) => step("drop", () => store.drop(log)),
    logs: () => step("logs", () => store.inner.logs()),
    droppedLogs: () => step("droppedLogs", () => store.inner.droppedLogs()),
    outcomes: (log, after, limit) => step("outcomes", () => store.inner.outcomes(log, after, limit)),
    rename: (log, to) => step("rename", () => store.inner.rename(log, to)),
    id: () => store.inner.id(),
    adoptId: (id) => store.inner.adoptId(id),
    close: () => Promise.resolve(),
    ...bus?.join(owner),
    ...(hasModels && { models: modelsOf(store, step, () => scheduler.now) }),
  };
  return calls;
}

type Step = <T>(operation: string, run: () => Promise<T>) => Promise<T>;

function modelsOf(store: ServerStore, step: Step, now: () => number): ModelStore {
  const models = (): ModelStore => {
    const { models: kept } = store.inner;
    if (!kept) throw new Error("A memory store keeps models");
    return kept;
  };
  return {
    followers: (log) => step("followers", () => models().followers(log)),
    write: (log, write) => step("write models", () => models().write(log, write)),
    rows: (...facts) => step("rows", () => models().rows(...facts)),
    lease: (log, follower, holder, ms) =>
      step("lease", () => Promise.resolve(store.lease(`${log} ${follower}`, holder, ms, now()))),
    sweep: (rowsMax) => step("sweep", () => models().sweep(rowsMax)),
    due: (...facts) => step("due", () => models().due(...facts)),
  };
}
