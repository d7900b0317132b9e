/**
 * Opens a log that lives in a worker, and returns its handle.
 *
 * Place: the entry of the page. It connects the worker, reports to it the events that only a page receives, and shows
 * the worker's updates.
 *
 * Guarantees:
 * - When `execute` resolves, the live rows show the commit (`open-log.test.ts`).
 *
 * @module dacapo/client
 */
import type { Json } from "../core/values/json.ts";
import { connectWorker } from "./page/connect-worker.ts";
import type { LogHandle } from "./page/log-handle.ts";
import { LogView, type ShownUpdate } from "./page/log-view.ts";
import { openHandle, rejectedCommit } from "./page/open-handle.ts";
import { isVisible, requirePage, watchPage } from "./page/page-lifecycle.ts";
import { WorkerCaller } from "./page/worker-caller.ts";
import { parseOwnJson } from "../core/values/json.ts";

export type * from "./messages/log-types.ts";
export type * from "./page/log-handle.ts";

/**
 * Where a log lives, and for whom.
 *
 * @example
 * const options: OpenLogOptions = {
 *   worker: () => new Worker(new URL("./log.worker.ts", import.meta.url), { type: "module" }),
 *   user: "ada",
 * };
 */
export type OpenLogOptions = {
  /**
   * Starts the module worker that calls `serveLog`, or is such a worker that several logs share.
   *
   * `close` terminates a worker that this function started, and keeps a shared one.
   */
  readonly worker: Worker | (() => Worker);
  /**
   * The name of the user: 1 to 128 characters.
   *
   * Each user has a database of their own on the device. The name is the actor of the user's commits.
   */
  readonly user: string;
  /**
   * The server to sync with.
   *
   * A log that was opened without a server may get one later. Then all its commits go there.
   *
   * @default no server: the log stays on this device
   */
  readonly sync?: {
    /** The address of the sync server, such as `/sync` or `https://example.org/sync`. */
    readonly url: string;
    /**
     * Returns a bearer token, or null to send none. Each call of the server requests it again.
     *
     * @default no token
     */
    readonly token?: () => string | null | Promise<string | null>;
    /**
     * What happens behind a commit that does not get through, such as one that a virus scanner refuses
     * (`status.stuck`).
     *
     * - `wait`: all later commits wait, so that the order in which they were made stays.
     * - `skip`: later commits overtake it, except those that write or read one of its streams. Choose it only if a
     *   commit of your domain never relies on an earlier commit on streams that it neither writes nor `reads`.
     *
     * @default "wait"
     */
    readonly whenStuck?: "wait" | "skip";
  };
};

/**
 * Opens a log. Everything that this device already has of it is there at once, also without a network.
 *
 * @example
 * const log = await openLog("team-7", {
 *   worker: () => new Worker(new URL("./log.worker.ts", import.meta.url), { type: "module" }),
 *   user: "ada",
 *   sync: { url: "/sync", token: () => session.token },
 * });
 * await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
 *
 * @param log the name of the log: 1 to 128 of `A-Z a-z 0-9 . _ ~ : @ -`, a letter or digit first
 * @throws {DefinitionError} `definition`: there is no page, as on a server that renders one
 * @throws {ValidationError} `invalid`: the name of the log or of the user is not allowed
 * @throws {StorageLostError} `storage-lost`: the worker's script failed, or the database cannot be opened
 * @throws {StorageFullError} `storage-full`: the device has no room for the database
 */
export async function openLog<PresenceData extends Json = Json>(
  log: string,
  options: OpenLogOptions,
): Promise<LogHandle<PresenceData>> {
  requirePage();
  const { user, sync, worker } = options;
  const view = new LogView<PresenceData>();
  const show = (text: string) => {
    const update = parseOwnJson<ShownUpdate<PresenceData>>(text);
    try {
      view.show(update, (rejection) => rejectedCommit(caller, rejection));
    } finally {
      // In any case, because otherwise callers would wait for ever for work that is done.
      if (update.answers) caller.settle(update.answers);
    }
  };
  const connection = await connectWorker({
    worker,
    options: {
      log,
      user,
      syncUrl: sync ? new URL(sync.url, location.href).href : null,
      whenStuck: sync?.whenStuck ?? "wait",
      visible: isVisible(),
    },
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
