/**
 * Serves logs from a module worker.
 *
 * Place: the entry of the worker. It passes the browser's parts to `openWorkerLog`: IndexedDB, HTTP, clock, locks.
 *
 * @module dacapo/worker
 */
import * as Comlink from "comlink";
import type { Domain } from "../core/domain/define-domain.ts";
import { uuidv7, UUID_RANDOM_BYTES } from "../core/values/id.ts";
import { browserEnv } from "./env/browser-env.ts";
import { openIdbLogStore } from "./stores/idb/idb-log-store.ts";
import { httpTransport } from "./sync/http-transport.ts";
import { openWorkerLog } from "./worker/open-worker-log.ts";
import { callResult, type CallMessage, requireNames, type WorkerRoot } from "./messages/worker-messages.ts";

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
    open: (options, page, port) =>
      callResult(async () => {
        requireNames(options);
        const { log, user, syncUrl, credentials } = options;
        const store = await openIdbLogStore({
          log,
          user,
          newClientId: () => uuidv7(env.now(), env.randomBytes(UUID_RANDOM_BYTES)),
        });
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
              });
        const opened = await openWorkerLog({
          domain: domain.definition,
          options,
          page: { changed: (update) => port.postMessage(update) },
          env,
          store,
          transport,
        });
        port.addEventListener("message", ({ data }: MessageEvent<Partial<CallMessage>>) => {
          if (typeof data.calls === "string") opened.executeBatch(data.calls);
        });
        Comlink.expose(opened, port);
      }),
  };
  Comlink.expose(root);
}
