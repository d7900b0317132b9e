/**
 * The start of a worker, from its construction until a log is open.
 *
 *   loading ──"loaded"──► starting ──"serving", or an answer──► opening
 *      └── error event ──────┴──► failed         each stage ──limit──► failed
 *
 * Guarantees (`connect-worker.test.ts`):
 * - Every stage ends within its limit. The error names the stage, because each has another cause.
 * - The time in which the page sleeps does not count.
 */
import { StorageLostError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";
import { signOfLife } from "../messages/worker-messages.ts";

const CHECK_URL = "Check the worker's address in the browser's console or network panel";

/** For each stage: its limit in ticks, and the message and the fix of its error. */
const STAGES = {
  loading: [
    30,
    "has not loaded its script, or the script does not use dacapo/worker",
    `${CHECK_URL}, and that it calls serveLog(domain). If the network is slow, open the log again.`,
  ],
  starting: [
    30,
    "has not called serveLog. Its script waits at a top-level await, or never calls it",
    "Call serveLog(domain) in the worker's script, before any await that may take long.",
  ],
  opening: [60, "has not opened the log", "Reload the page. If that does not help, restart the browser."],
} as const;

export type WorkerStart = {
  /** Resolves when the worker called `serveLog`, and rejects as `failed` does. */
  readonly serving: Promise<void>;
  /** Rejects when the start failed. Never resolves. */
  readonly failed: Promise<never>;
  /** Records an answer of the worker. */
  readonly answered: () => void;
  readonly stop: () => void;
};

export function startWorker(given: Worker | (() => Worker)): Worker {
  if (typeof given !== "function") return given;
  try {
    return given();
  } catch (error) {
    throw failure(
      "not-started",
      `could not be started: ${reasonOf(error)}`,
      "Start a worker of the page's own origin. The browser and the content security policy must allow module workers.",
      error,
    );
  }
}

/** `tickMs`: milliseconds of a tick. */
export function watchStart(worker: Worker, tickMs: number): WorkerStart {
  let stage: keyof typeof STAGES = "loading";
  let ticks = 0;
  const { promise: failed, reject } = Promise.withResolvers<never>();
  const { promise: served, resolve } = Promise.withResolvers<void>();
  failed.catch(() => {});
  const enter = (next: typeof stage) => {
    stage = next;
    ticks = 0;
  };
  const answered = () => {
    enter("opening");
    resolve();
  };
  const controller = new AbortController();
  const { signal } = controller;
  worker.addEventListener(
    "message",
    ({ data }: MessageEvent<unknown>) => {
      if (data === signOfLife.loaded && stage === "loading") enter("starting");
      if (data === signOfLife.serving) answered();
    },
    { signal },
  );
  // A script that cannot be loaded or throws while it starts never answers. Only this event reports it.
  worker.addEventListener(
    "error",
    (event) => {
      if (stage !== "opening") reject(scriptError(event));
    },
    { signal },
  );
  // Counts ticks, because a page that slept may run a timeout before the worker's message.
  const timer = setInterval(() => {
    const [limit, what, fix] = STAGES[stage];
    if (++ticks > limit) reject(failure(stage, `${what} within ${limit} seconds`, fix));
  }, tickMs);
  return {
    serving: Promise.race([served, failed]),
    failed,
    answered,
    stop() {
      clearInterval(timer);
      controller.abort();
    },
  };
}

/**
 * Browsers report neither message nor address of a script that they could not load, and both of a script that threw.
 */
function scriptError({ message, filename }: Partial<ErrorEvent>): StorageLostError {
  const reason = message || "its script could not be loaded";
  const address = filename || "the browser does not report its address";
  return failure(
    "script",
    `failed: ${reason} (${address})`,
    `${CHECK_URL}, and that it calls serveLog(domain). A browser without module workers needs a classic script.`,
  );
}

function failure(stage: string, what: string, fix: string, cause?: unknown): StorageLostError {
  return new StorageLostError({
    message: `The log's worker ${what}`,
    fix,
    details: { reason: `worker-${stage}` },
    cause,
  });
}
