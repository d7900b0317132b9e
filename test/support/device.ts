/**
 * A device in one thread: a database, locks and channels that its tabs share, with real timers.
 *
 * A tab runs the worker's code, and applies the updates that the worker would send to its page.
 */
import type { Domain } from "../../src/core/domain/define-domain.ts";
import type { CommandRequest } from "../../src/core/domain/definition.ts";
import type { RowEntry } from "../../src/core/fold/rows.ts";
import type { Json } from "../../src/core/values/json.ts";
import type { Env } from "../../src/client/env/env.ts";
import { MemoryDatabase } from "../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../src/client/stores/memory-log-store.ts";
import { httpTransport } from "../../src/client/sync/http-transport.ts";
import { serverIdentity, type ServerIds } from "../../src/client/sync/server-identity.ts";
import type { Transport } from "../../src/client/sync/transport.ts";
import {
  callResult,
  type CallResult,
  type PageUpdate,
  type WhenStuck,
  unwrap,
  type WorkerLog,
  type WorkerStatus,
} from "../../src/client/messages/worker-messages.ts";
import { executeCalls } from "../../src/client/page/execute-calls.ts";
import { openWorkerLog } from "../../src/client/worker/open-worker-log.ts";
import { FakeLocks } from "./idb/fake-locks.ts";
import { parseOwnJson } from "./own-json.ts";

export type Tab = {
  readonly api: WorkerLog;
  /** Executes commands as a page does: in a batch, answered by the update that shows their rows. */
  readonly execute: (
    requests: readonly CommandRequest[],
    meta?: Json,
    endRejection?: string | null,
  ) => Promise<CallResult<{ readonly commit: string }>>;
  /** The rows of a projection as a page would show them. */
  readonly rows: (projection: string) => ReadonlyMap<string, RowEntry>;
  readonly status: () => WorkerStatus;
  /** Each status that the tab has sent. */
  readonly statuses: readonly WorkerStatus[];
  readonly update: () => PageUpdate;
  readonly close: () => Promise<void>;
};

export type Device = {
  readonly database: MemoryDatabase;
  readonly open: (options?: {
    readonly url?: string;
    readonly transport?: (inner: Transport) => Transport;
    readonly projections?: readonly string[];
    readonly whenStuck?: WhenStuck;
    readonly paused?: boolean;
    /** The bearer token. @default the user's name */
    readonly token?: () => Promise<string | null>;
    /** How many times faster time passes on this device. The default is 1. */
    readonly haste?: number;
    readonly onOtherServer?: (ids: ServerIds) => Promise<boolean>;
    /** The databases of other users on this device, for `moveTo`. */
    readonly databaseOf?: (user: string) => MemoryDatabase;
    /** The domain of another release. */
    readonly release?: Domain;
    /** Changes what the tab's browser offers. */
    readonly env?: (inner: Env) => Env;
  }) => Promise<Tab>;
};

export function device(
  domain: Domain,
  log: string,
  user: string,
  database: MemoryDatabase = new MemoryDatabase(() => crypto.randomUUID()),
): Device {
  const shared = sharedByTabs();
  return {
    database,
    async open({
      url,
      transport = (inner: Transport) => inner,
      release = domain,
      databaseOf,
      onOtherServer = () => Promise.resolve(false),
      whenStuck = "wait",
      paused = false,
      token = () => Promise.resolve(user),
      haste = 1,
      projections = [...release.definition.projections.keys()],
      env: changed = (inner: Env) => inner,
    } = {}) {
      const env = changed(hasty(nodeEnv(shared), haste));
      const tables = new Map<string, Map<string, RowEntry>>(projections.map((name) => [name, new Map()]));
      let merged: PageUpdate = { seq: 0 };
      const statuses: WorkerStatus[] = [];
      const takeUpdate = (text: string) => {
        const update = parseOwnJson<PageUpdate>(text);
        merged = { ...merged, ...update };
        if (update.status) statuses.push(update.status);
        for (const { projection, set, removed } of update.deltas ?? []) {
          for (const key of removed) tables.get(projection)?.delete(key);
          for (const entry of set) tables.get(projection)?.set(entry.key, entry);
        }
        if (update.answers) calls.settle(update.answers);
      };
      const store = memoryLogStore(database);
      // The answer of the app reaches the worker as a message of its page.
      const callPage = async (ids: ServerIds) => {
        const agrees = await onOtherServer(ids);
        await new Promise((resolve) => setTimeout(resolve, 0));
        return agrees;
      };
      const server = serverIdentity(store, callPage, () => api.lifecycle("resumed"));
      const http = url === undefined ? null : transport(httpTransport({ url, log, token, env, server }));
      const api: WorkerLog = await openWorkerLog({
        domain: release.definition,
        options: { log, user, syncUrl: url ?? null, whenStuck, visible: true, paused },
        page: { changed: takeUpdate },
        env,
        store,
        transport: http,
        ...(databaseOf && { openStore: async (other: string) => memoryLogStore(databaseOf(other)) }),
      });
      const calls = executeCalls((batch) => api.executeBatch(batch));
      takeUpdate(unwrap(api.opened()).update);
      for (const [name, table] of tables) {
        const entries = parseOwnJson<RowEntry[]>(unwrap(api.watch(name)).entries);
        for (const entry of entries) table.set(entry.key, entry);
      }
      return {
        api,
        execute: (requests, meta = null, endRejection = null) =>
          callResult(async () => ({ commit: await calls.execute(requests, meta, endRejection) })),
        rows: (projection) => tables.get(projection) ?? new Map(),
        status: () => {
          if (!merged.status) throw new Error("The tab has sent no status yet");
          return merged.status;
        },
        statuses,
        update: () => merged,
        close: async () => {
          unwrap(await api.close());
        },
      };
    },
  };
}

export type Shared = { readonly locks: FakeLocks; readonly channels: Map<string, Set<(message: unknown) => void>> };

export function sharedByTabs(): Shared {
  return { locks: new FakeLocks(), channels: new Map() };
}

export function nodeEnv(shared: Shared): Env {
  return {
    now: () => Date.now(),
    elapsed: () => performance.now(),
    randomBytes: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    chance: () => Math.random(),
    setTimer(run, delayMs) {
      const timer = setTimeout(run, delayMs);
      return () => clearTimeout(timer);
    },
    channel(name) {
      const listeners = shared.channels.get(name) ?? new Set();
      shared.channels.set(name, listeners);
      let own: ((message: unknown) => void) | null = null;
      return {
        post: (message) => {
          const copy = structuredClone(message);
          for (const listener of listeners)
            if (listener !== own) setTimeout(() => listeners.has(listener) && listener(copy), 0);
        },
        listen: (listener) => listeners.add((own = listener)),
        close: () => own && listeners.delete(own),
      };
    },
    lock: async (name, { steal, signal }, held) => {
      await shared.locks.manager.request(name, steal ? { steal: true } : { signal }, held);
    },
  };
}

function hasty(env: Env, haste: number): Env {
  return {
    ...env,
    elapsed: () => env.elapsed() * haste,
    setTimer: (run, delayMs) => env.setTimer(run, delayMs / haste),
  };
}

/** A busy machine may stop for seconds. */
const WAIT_MS_MAX = 60_000;

/** Waits until a condition holds, and fails with `what` if it does not hold in time. */
export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (
    const deadline = Date.now() + WAIT_MS_MAX;
    Date.now() < deadline;
    await new Promise((resolve) => setTimeout(resolve, 10))
  ) {
    if (await condition()) return;
  }
  throw new Error(`Not within ${WAIT_MS_MAX} ms: ${what}`);
}
