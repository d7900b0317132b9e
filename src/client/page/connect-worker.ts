/**
 * Connects a page with the log in its worker: Comlink for calls, and texts of their own on Comlink's port for
 * `execute`.
 */
import * as Comlink from "comlink";
import {
  type CallMessage,
  type CallResult,
  type OpenOptions,
  type PageCallbacks,
  unwrap,
  type WorkerLog,
  type WorkerRoot,
} from "../messages/worker-messages.ts";
import { startWorker, watchStart } from "./worker-start.ts";

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
  /** Milliseconds of a tick, in which the limits are counted. @default 1000 */
  readonly tickMs?: number;
};

/** A closed log's worker ends after this time. */
const END_MS = 1_000;

/** Ends with an open log or with an error. After an error, no open log and no worker of its own is left. */
export async function connectWorker({
  worker: given,
  options,
  callbacks,
  onUpdate,
  tickMs = 1_000,
}: ConnectOptions): Promise<WorkerConnection> {
  const worker = startWorker(given);
  const start = watchStart(worker, tickMs);
  const { port1: port, port2 } = new MessageChannel();
  const root = Comlink.wrap<WorkerRoot>(worker);
  const end = () => {
    if (worker !== given) worker.terminate();
  };
  let opening: Promise<CallResult<void>> | null = null;
  try {
    // A shared worker may have reported its start before this call.
    void root.isServing().then(start.answered);
    await start.serving;
    opening = root.open(options, Comlink.proxy(callbacks), Comlink.transfer(port2, [port2]));
    unwrap(await Promise.race([opening, start.failed]));
  } catch (error) {
    // A shared worker may still open the log. Then nobody else closes it.
    if (worker === given)
      void opening?.then(({ ok }) => {
        if (ok) void Comlink.wrap<WorkerLog>(port).close();
      });
    end();
    throw error;
  } finally {
    start.stop();
  }
  // Only updates are texts, because Comlink's own messages are objects. They wait until `wrap` starts the port.
  port.addEventListener("message", ({ data }: MessageEvent<unknown>) => {
    if (typeof data === "string") onUpdate(data);
  });
  const remote = Comlink.wrap<WorkerLog>(port);
  return {
    remote,
    postCalls: (calls) => port.postMessage({ calls } satisfies CallMessage),
    release() {
      remote[Comlink.releaseProxy]();
      // Otherwise WebKit may block a deletion of the database, because its worker ended right after it closed it.
      setTimeout(end, END_MS);
    },
  };
}
