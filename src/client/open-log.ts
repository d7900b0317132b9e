/**
 * The page's entry: `openLog` gives the handle of a log that lives in a worker.
 *
 * Place: chooses the worker, forwards what the page alone hears (network, visibility, freezing), mirrors what changes.
 * Holds: after `await execute(…)` the live rows show what it did.
 */
import * as Comlink from "comlink";
import type { CommandRequest } from "../core/domain/definition.ts";
import { LogClosedError, StorageLostError, ValidationError } from "../core/values/errors.ts";
import { findJsonProblem, type Json } from "../core/values/json.ts";
import type { Presence } from "../core/wire/messages.ts";
import type { RowEntry } from "../core/fold/rows.ts";
import { streamName } from "../core/values/names.ts";
import { exportStream, importStream } from "./page/archive-stream.ts";
import { executeCalls } from "./page/execute-calls.ts";
import { liveValue } from "./page/live-value.ts";
import { pendingCalls } from "./page/pending-calls.ts";
import type { LogHandle, TypedPresence } from "./page/log-handle.ts";
import type { LogStatus, Receipt, RejectedCommit } from "./messages/log-types.ts";
import { isVisible, requirePage, watchPage } from "./page/page-lifecycle.ts";
import { type RowMirror, rowMirror } from "./page/row-mirror.ts";
import {
  type CallResult,
  type CallMessage,
  type OpenOptions,
  type PageCallbacks,
  type PageUpdate,
  type PlainRejection,
  requireJsonMeta,
  unwrap,
  type WorkerLog,
  type WorkerRoot,
} from "./messages/worker-messages.ts";

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
  const { user, sync } = options;
  const worker = typeof options.worker === "function" ? options.worker() : options.worker;
  const ownsWorker = typeof options.worker === "function";
  const mirrors = new Map<string, RowMirror<unknown>>();
  const status = liveValue<LogStatus>(NO_STATUS);
  const rejections = liveValue<readonly RejectedCommit[]>([]);
  const presence = liveValue<readonly TypedPresence<PresenceData>[]>([]);
  let reachedSeq = 0;
  let reaching: { readonly seq: number; readonly resolve: () => void }[] = [];
  const waiting = pendingCalls();
  let closed = false;
  let closing: Promise<void> | null = null;

  const takeUpdate = (text: string) => {
    const update: PageUpdate = JSON.parse(text);
    reachedSeq = update.seq;
    try {
      show(update);
    } finally {
      // A listener of the app that throws must not leave those without an answer whose work is done.
      if (update.answers) calls.answered(update.answers);
      for (const { resolve } of reaching.filter(({ seq }) => seq <= reachedSeq)) resolve();
      reaching = reaching.filter(({ seq }) => seq > reachedSeq);
    }
  };
  const show = (update: PageUpdate) => {
    for (const delta of update.deltas ?? []) mirrors.get(delta.projection)?.take(delta, update.seq);
    if (update.status) status.set(update.status);
    if (update.rejections) rejections.set(update.rejections.map(rejected));
    // Each app gives presence of one shape; what another version of it sends has its own.
    if (update.presence) presence.set(update.presence as readonly (Presence & { data: PresenceData })[]);
  };
  const reached = (seq: number) =>
    seq <= reachedSeq ? undefined : waiting.track(new Promise<void>((resolve) => reaching.push({ seq, resolve })));

  const calls = executeCalls((text) => port.postMessage({ calls: text } satisfies CallMessage));

  const callbacks: PageCallbacks = { token: async () => (await sync?.token?.()) ?? null };
  const { remote, port } = await connect(
    worker,
    { log, user, syncUrl: sync ? new URL(sync.url, location.href).href : null, visible: isVisible() },
    callbacks,
    takeUpdate,
  );
  const isClosed = () =>
    new LogClosedError({ message: `The log ${log} is closed`, fix: "Open it again with openLog." });
  const requireOpen = () => {
    if (closed) throw isClosed();
  };
  const call = async <T>(run: () => Promise<CallResult<T>>): Promise<T> => {
    requireOpen();
    const answer = await waiting.track(run());
    // Its storage was closed under it.
    if (closing && !answer.ok && answer.error.code === "storage-lost") throw isClosed();
    return unwrap(answer);
  };
  const first = await call(() => remote.opened());
  takeUpdate(first.update);
  const unwatch = watchPage((event) => void remote.lifecycle(event));

  const execute = async (
    requests: readonly CommandRequest[],
    meta: Json,
    endRejection: string | null,
  ): Promise<Receipt> => {
    const problem = findJsonProblem(requests);
    if (problem)
      throw new ValidationError({
        message: `A command is not plain JSON at ${problem.path.join(".")}: ${problem.reason}`,
        fix: "Give plain JSON as input.",
        details: { path: problem.path, reason: problem.reason },
      });
    requireJsonMeta(meta);
    requireOpen();
    return { commit: await calls.execute(requests, meta, endRejection) };
  };

  async function again(
    run: () => Promise<CallResult<{ readonly commit: string; readonly seq: number } | null>>,
  ): Promise<Receipt | null> {
    const made = await call(run);
    if (made) await reached(made.seq);
    return made && { commit: made.commit };
  }

  function rejected(plain: PlainRejection): RejectedCommit {
    return {
      ...plain,
      retry: () => execute(plain.commands, null, plain.commit),
      discard: async () => {
        await call(() => remote.discard(plain.commit));
      },
    };
  }

  function mirrorOf(projection: string): RowMirror<unknown> {
    const there = mirrors.get(projection);
    if (there) return there;
    const mirror = rowMirror<unknown>();
    mirrors.set(projection, mirror);
    call(() => remote.watch(projection)).then(({ seq, entries }) => {
      const rows: readonly RowEntry[] = JSON.parse(entries);
      mirror.fill(rows, seq);
    }, mirror.failed);
    return mirror;
  }

  return {
    log,
    user,
    client: first.client,
    execute: (commands, { meta = null } = {}) => execute(isOne(commands) ? [commands] : commands, meta, null),
    undo: () => again(() => remote.undo()),
    redo: () => again(() => remote.redo()),
    async withdraw({ commit }) {
      await call(() => remote.withdraw(commit));
    },
    async settled({ commit }) {
      const { settled, seq } = await call(() => remote.settled(commit));
      await reached(seq);
      return settled;
    },
    // The handle of a projection carries the type of its rows; in the mirror all rows are JSON.
    rows: (projection) => mirrorOf(projection.name) as never,
    status,
    rejections,
    history: (aggregate, id) => call(() => remote.history(streamName(aggregate.name, id))) as never,
    stateAt: (aggregate, id, at) => call(() => remote.stateAt(streamName(aggregate.name, id), at?.version ?? null)),
    presence: {
      get: presence.get,
      subscribe: presence.subscribe,
      set: (data) => void call(() => remote.setPresence(data)).catch(() => {}),
    },
    export: () => exportStream((begin) => call(() => remote.exportNext(begin))),
    import: (ndjson) => importStream(ndjson, (piece, place) => call(() => remote.importNext(piece, place))),
    pause: () => void call(() => remote.setPaused(true)).catch(() => {}),
    resume: () => void call(() => remote.setPaused(false)).catch(() => {}),
    close: () => (closing ??= close()),
  };

  async function close(): Promise<void> {
    unwatch();
    await remote.close();
    closed = true;
    calls.close(isClosed());
    waiting.close(isClosed());
    remote[Comlink.releaseProxy]();
    if (ownsWorker) worker.terminate();
  }
}

async function connect(
  worker: Worker,
  options: OpenOptions,
  callbacks: PageCallbacks,
  update: (text: string) => void,
): Promise<{ readonly remote: Comlink.Remote<WorkerLog>; readonly port: MessagePort }> {
  const { port1, port2 } = new MessageChannel();
  // Comlink's own messages are objects.
  port1.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (typeof data === "string") update(data);
  });
  const root = Comlink.wrap<WorkerRoot>(worker);
  // A script that cannot be loaded or throws while it starts answers nothing; only this event tells.
  const failed = new Promise<never>((_, reject) => {
    worker.addEventListener("error", (event) => reject(workerError(event)), { once: true });
  });
  failed.catch(() => {});
  unwrap(await Promise.race([root.open(options, Comlink.proxy(callbacks), Comlink.transfer(port2, [port2])), failed]));
  return { remote: Comlink.wrap<WorkerLog>(port1), port: port1 };
}

/** Browsers tell neither message nor address of a script that they could not load; of one that threw, both. */
function workerError({ message, filename }: Partial<ErrorEvent>): StorageLostError {
  return new StorageLostError({
    message: `The log's worker failed: ${message || "its script could not be loaded"} (${filename || "the browser does not tell its address"})`,
    fix: "Check the worker's address, which the browser's console or network panel shows, and that it calls serveLog(domain).",
  });
}

function isOne(commands: CommandRequest | readonly CommandRequest[]): commands is CommandRequest {
  return !Array.isArray(commands);
}

const NO_STATUS: LogStatus = {
  connection: "connecting",
  leader: false,
  pending: 0,
  doubtful: [],
  rejections: 0,
  lastSyncedAt: null,
  position: 0,
  head: 0,
  parked: { count: 0, events: [] },
  error: null,
};
