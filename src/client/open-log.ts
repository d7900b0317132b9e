/**
 * Opens a log that lives in a worker, and returns its handle.
 *
 * Place: the entry of the page. It connects the worker, reports to it what only a page knows (network, visibility, freezing),
 * and shows what the worker's updates contain.
 *
 * Guarantees:
 * - When `execute` resolves, the live rows show the commit (`open-log.test.ts`).
 */
import type { Json } from "../core/values/json.ts";
import { connectWorker } from "./page/connect-worker.ts";
import type { LogHandle } from "./page/log-handle.ts";
import { LogView, type ShownUpdate } from "./page/log-view.ts";
import { openHandle, rejectedCommit } from "./page/open-handle.ts";
import { isVisible, requirePage, watchPage } from "./page/page-lifecycle.ts";
import { WorkerCaller } from "./page/worker-caller.ts";

export type * from "./messages/log-types.ts";
export type * from "./page/log-handle.ts";

export type OpenLogOptions = {
  /** Makes the module worker that calls `serveLog`, or one that several logs share. */
  readonly worker: Worker | (() => Worker);
  /** Names the database on this device and stands in each commit as its actor. */
  readonly user: string;
  /** Left out: a local log. Given later, all of it goes there. */
  readonly sync?: {
    /** The sync server, such as `/sync` or `https://example.org/sync`. */
    readonly url: string;
    /** A bearer token; asked before each call. */
    readonly token?: () => string | null | Promise<string | null>;
  };
};

/**
 * Opens a log. What was made in it before, here or by others, is there at once, also without a network.
 *
 * @example
 * const log = await openLog("team-7", {
 *   worker: () => new Worker(new URL("./log.worker.ts", import.meta.url), { type: "module" }),
 *   user: "ada",
 *   sync: { url: "/sync", token: () => session.token },
 * });
 * await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
 */
export async function openLog<PresenceData extends Json = Json>(
  log: string,
  options: OpenLogOptions,
): Promise<LogHandle<PresenceData>> {
  requirePage();
  const { user, sync, worker } = options;
  const view = new LogView<PresenceData>();
  const show = (text: string) => {
    const update: ShownUpdate<PresenceData> = JSON.parse(text);
    try {
      view.show(update, (rejection) => rejectedCommit(caller, rejection));
    } finally {
      // In any case, because otherwise callers would wait for ever for work that is done.
      if (update.answers) caller.settle(update.answers);
    }
  };
  const connection = await connectWorker({
    worker,
    options: { log, user, syncUrl: sync ? new URL(sync.url, location.href).href : null, visible: isVisible() },
    callbacks: { token: async () => (await sync?.token?.()) ?? null },
    onUpdate: show,
  });
  const caller = new WorkerCaller(log, connection);
  const { client, update } = await caller.call((remote) => remote.opened());
  show(update);
  const unwatch = watchPage((event) => void connection.remote.lifecycle(event));
  const close = () => {
    unwatch();
    return caller.close();
  };
  return openHandle({ log, user, client, view, caller, close });
}
