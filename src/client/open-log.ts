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
import { type Json, type JsonInput, parseOwnJson } from "../core/values/json.ts";
import { type OptionNames, requireKnownOptions } from "../core/values/known-options.ts";
import { connectWorker } from "./page/connect-worker.ts";
import type { LogHandle } from "./page/log-handle.ts";
import { LogView, type ShownUpdate } from "./page/log-view.ts";
import { openHandle, rejectedCommit } from "./page/open-handle.ts";
import { isVisible, requirePage, watchPage } from "./page/page-lifecycle.ts";
import { storageUse } from "./page/storage-use.ts";
import { type AppHeaders, headersOf, syncAddress } from "./page/sync-options.ts";
import { WorkerCaller } from "./page/worker-caller.ts";

export { randomId } from "./env/random-id.ts";
export type { AppHeaders } from "./page/sync-options.ts";
export { deleteLog, type DeleteLogOptions } from "./page/delete-log.ts";
export type * from "./messages/log-types.ts";
export type * from "./messages/row-types.ts";
export type * from "./page/live-types.ts";
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
   * The name of the app, where several apps of one origin use Dacapo: formed like the name of a log.
   *
   * Apps with different namespaces share no database, no lock and no channel, even for logs of the same name.
   *
   * @default no namespace
   */
  readonly namespace?: string;
  /**
   * True: after the first commit, Dacapo calls `navigator.storage.persist()`, so that the browser keeps the data.
   *
   * Firefox then shows a question to the person. To choose the moment yourself, pass false and call the function in
   * your page. `status.storage` shows the answer.
   *
   * @default true
   */
  readonly persist?: boolean;
  /**
   * True: this tab sends and reads nothing before `log.resume()`, as if `log.pause()` came before the first call.
   *
   * Each tab has its own pause. If a person's choice holds for all tabs of a device, store it and pass it to each.
   *
   * @default false
   */
  readonly paused?: boolean;
  /**
   * The server to sync with.
   *
   * A log that was opened without a server may get one later. Then all its commits go there.
   *
   * @default no server: the log stays on this device
   */
  readonly sync?: {
    /**
     * The address of the sync server: `/sync`, or a whole URL such as `https://example.org/sync`. It begins with `/`
     * or `http`, and has no query and no fragment. The socket's address is derived from it.
     */
    readonly url: string;
    /**
     * Returns a bearer token, or null to send none. Each call of the server requests it again. An open socket requests
     * it several times before its token ends. If the function throws, `connection` is `offline`, `status.error` names
     * the function and its error, and Dacapo calls it again later.
     *
     * @default no token
     */
    readonly token?: () => string | null | Promise<string | null>;
    /**
     * Cookies of the requests, for a gateway in front of the server that works with cookies. `include` also sends them
     * to a server of another origin, which must then have the option `credentials`. A browser sends the cookies of a
     * server with each socket, whatever this option is.
     *
     * @default "omit"
     */
    readonly credentials?: "omit" | "same-origin" | "include";
    /**
     * Headers of your own for each request, such as those that a gateway needs, or a function that returns them. They
     * cannot replace Dacapo's own `authorization` and `content-type`. A browser's socket cannot have headers: behind a
     * gateway that needs them, devices sync without sockets, and see other devices' events within about a minute.
     *
     * @default no further headers
     */
    readonly headers?: AppHeaders | (() => AppHeaders | Promise<AppHeaders>);
    /**
     * Called when `url` leads to another server than before: `known` and `other` are the ids of both. True: this
     * device sends all its work to the other server. Until then `status.error` has the code `other-server`.
     *
     * It is called again each time that syncing is tried, but never twice at the same time.
     *
     * @default false: nothing is sent
     */
    readonly onOtherServer?: (ids: { readonly known: string; readonly other: string }) => boolean | Promise<boolean>;
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

const OPTIONS: OptionNames<OpenLogOptions> = {
  worker: true,
  user: true,
  namespace: true,
  persist: true,
  paused: true,
  sync: true,
};
const SYNC_OPTIONS: OptionNames<NonNullable<OpenLogOptions["sync"]>> = {
  url: true,
  token: true,
  credentials: true,
  headers: true,
  onOtherServer: true,
  whenStuck: true,
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
 * @throws {DefinitionError} `definition`: there is no page, as on a server that renders one, or `sync.url` is wrong,
 *   or an option is not known
 * @throws {ValidationError} `invalid`: the name of the log or of the user is not allowed
 * @throws {StorageLostError} `storage-lost`: the worker did not start in time, or the database cannot be opened.
 *   `details.reason` names the cause
 * @throws {StorageFullError} `storage-full`: the device has no room for the database
 */
export async function openLog<PresenceData extends JsonInput = Json>(
  log: string,
  options: OpenLogOptions,
): Promise<LogHandle<PresenceData>> {
  requirePage();
  const { user, namespace = null, sync, worker } = options;
  requireKnownOptions("`openLog`", options, OPTIONS);
  requireKnownOptions("The option `sync`", sync ?? {}, SYNC_OPTIONS);
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
      namespace,
      syncUrl: sync ? syncAddress(sync.url, document.baseURI) : null,
      credentials: sync?.credentials,
      whenStuck: sync?.whenStuck ?? "wait",
      visible: isVisible(),
      paused: options.paused ?? false,
    },
    callbacks: {
      token: async () => (await sync?.token?.()) ?? null,
      headers: headersOf(sync?.headers),
      onOtherServer: async (ids) => (await sync?.onOtherServer?.(ids)) === true,
    },
    onUpdate: show,
  });
  const caller = new WorkerCaller(log, connection);
  const { client, update } = await caller.call((remote) => remote.opened());
  show(update);
  const storage = storageUse(options.persist ?? true, (use) => view.showStorage(use));
  storage.read();
  const unwatch = watchPage((event) => {
    void connection.remote.lifecycle(event);
    if (event === "visible") storage.read();
  });
  const close = () => {
    unwatch();
    return caller.close();
  };
  return openHandle({ log, user, client, view, caller, executed: storage.persist, close });
}
