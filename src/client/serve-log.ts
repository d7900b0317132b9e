/**
 * Serves logs from a module worker.
 *
 * Place: the entry of the worker. It passes the browser's parts to `openWorkerLog`: IndexedDB, HTTP, clock, locks.
 *
 * @module dacapo/worker
 */
import * as Comlink from "comlink";
import type { Domain } from "../core/domain/define-domain.ts";
import { StorageLostError } from "../core/values/errors.ts";
import type { Actor } from "../core/values/ids.ts";
import { openWorkerLog } from "./worker/open-worker-log.ts";
import { browserEnv } from "./env/browser-env.ts";
import { randomId } from "./env/random-id.ts";
import { MemoryDatabase } from "./stores/memory/database.ts";
import { memoryLogStore } from "./stores/memory-log-store.ts";
import { httpTransport } from "./sync/http-transport.ts";
import { serverIdentity } from "./sync/server-identity.ts";
import type { SessionParts } from "./worker/session-parts.ts";
import {
  callResult,
  type CallMessage,
  requireNames,
  signOfLife,
  type WorkerLog,
  type WorkerRoot,
} from "./messages/worker-messages.ts";
import { type IdbLogStoreOptions, openIdbLogStore } from "./stores/idb/idb-log-store.ts";

// A page does not import this entry. There, `postMessage` would reach the app's own listeners.
if (typeof document === "undefined") globalThis.postMessage?.(signOfLife.loaded);

/**
 * Serves logs of a domain to the page that started this worker. One worker may serve several logs.
 *
 * The server and every page must run the same domain.
 *
 * @example
 * // log.worker.ts
 * import { serveLog } from "dacapo/worker";
 * import { domain } from "./domain.ts";
 *
 * serveLog(domain);
 */
export function serveLog(domain: Domain): void {
  const env = browserEnv;
  const root: WorkerRoot = {
    isServing: () => true,
    open: (options, page, port) =>
      callResult(async () => {
        requireNames(options);
        const { log, user, namespace, syncUrl, credentials } = options;
        const storeOf = (name: Actor) => ({ log, user: name, namespace, newClientId: randomId });
        const stored = await openStore(storeOf(user));
        const server = serverIdentity(
          stored.store,
          (ids) => page.onOtherServer(ids),
          () => opened.lifecycle("resumed"),
        );
        const transport =
          syncUrl === null
            ? null
            : httpTransport({
                url: syncUrl,
                log,
                token: () => page.token(),
                headers: () => page.headers(),
                credentials,
                env,
                server,
              });
        const opened: WorkerLog = await openWorkerLog({
          domain: domain.definition,
          options,
          page: { changed: (update) => port.postMessage(update) },
          env,
          ...stored,
          openStore: (name) => openIdbLogStore(storeOf(name)),
          transport,
        });
        port.addEventListener("message", ({ data }: MessageEvent<Partial<CallMessage>>) => {
          if (typeof data.calls === "string") opened.executeBatch(data.calls);
        });
        Comlink.expose(opened, port);
      }),
  };
  Comlink.expose(root);
  // The page's first message is lost if this script awaited something before it called `serveLog`.
  globalThis.postMessage(signOfLife.serving);
}

/** The log's database, or a store in memory if the browser does not let this page store data. */
async function openStore(options: IdbLogStoreOptions): Promise<Pick<SessionParts, "store" | "isVolatile">> {
  try {
    return { store: await openIdbLogStore(options) };
  } catch (error) {
    if (!(error instanceof StorageLostError) || error.details["reason"] !== "denied") throw error;
    return { store: memoryLogStore(new MemoryDatabase(options.newClientId)), isVolatile: true };
  }
}
