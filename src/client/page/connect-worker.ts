/**
 * Connects a page with the log in its worker: Comlink for calls, and texts of their own on Comlink's port for
 * `execute`.
 */
import * as Comlink from "comlink";
import { StorageLostError } from "../../core/values/errors.ts";
import {
  type CallMessage,
  type OpenOptions,
  type PageCallbacks,
  unwrap,
  type WorkerLog,
  type WorkerRoot,
} from "../messages/worker-messages.ts";

export type WorkerConnection = {
  readonly remote: Comlink.Remote<WorkerLog>;
  /** Posts calls of `execute`, as JSON of `ExecuteCall[]`. */
  readonly postCalls: (calls: string) => void;
  /** Releases the closed log, and terminates a worker that was started here. */
  readonly release: () => void;
};

export type ConnectOptions = {
  /** A worker that the app shares between logs, or a function that starts one for this log. */
  readonly worker: Worker | (() => Worker);
  readonly options: OpenOptions;
  readonly callbacks: PageCallbacks;
  /** Receives JSON of each `PageUpdate`. */
  readonly onUpdate: (update: string) => void;
};

export async function connectWorker({
  worker: given,
  options,
  callbacks,
  onUpdate,
}: ConnectOptions): Promise<WorkerConnection> {
  const worker = typeof given === "function" ? given() : given;
  const { port1: port, port2 } = new MessageChannel();
  // Only updates are texts, because Comlink's own messages are objects.
  port.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (typeof data === "string") onUpdate(data);
  });
  const root = Comlink.wrap<WorkerRoot>(worker);
  // A script that cannot be loaded or throws while it starts never answers. Only this event reports it.
  const failed = new Promise<never>((_, reject) => {
    worker.addEventListener("error", (event) => reject(workerError(event)), { once: true });
  });
  failed.catch(() => {});
  unwrap(await Promise.race([root.open(options, Comlink.proxy(callbacks), Comlink.transfer(port2, [port2])), failed]));
  const remote = Comlink.wrap<WorkerLog>(port);
  return {
    remote,
    postCalls: (calls) => port.postMessage({ calls } satisfies CallMessage),
    release() {
      remote[Comlink.releaseProxy]();
      if (worker !== given) worker.terminate();
    },
  };
}

/**
 * Browsers report neither message nor address of a script that they could not load, and both of a script that threw.
 */
function workerError({ message, filename }: Partial<ErrorEvent>): StorageLostError {
  const reason = message || "its script could not be loaded";
  const address = filename || "the browser does not report its address";
  return new StorageLostError({
    message: `The log's worker failed: ${reason} (${address})`,
    fix: "Check the worker's address in the browser's console or network panel, and that it calls serveLog(domain).",
  });
}
