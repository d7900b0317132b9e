/** Makes a call, and reports what it carries: the parts of its answer as they arrive, then its size and its time. */
import type { Env } from "../env/env.ts";
import type { CallSize } from "./call-size.ts";
import type { Signal } from "./reduce-sync.ts";
import type { CallOptions } from "./transport.ts";

/** Parts that arrive within this time are reported together, because each report costs a message to the page. */
const REPORT_MS = 500;

/** @param pushed the bytes of the commits in a push. Null: a pull, which carries its answer. */
export async function meteredCall<T>(
  env: Env,
  { pageBytes, pushBytes, gzip }: CallSize,
  signal: (signal: Signal<"received" | "carried">) => void,
  pushed: number | null,
  run: (call: CallOptions) => Promise<T>,
): Promise<T> {
  const startedAt = env.elapsed();
  let all = 0;
  let reported = 0;
  let reportedAt = startedAt;
  const report = () => {
    if (all > reported) signal({ type: "received", bytes: all - reported });
    reported = all;
    reportedAt = env.elapsed();
  };
  try {
    const result = await run({
      pageBytes,
      bodyBytes: pushBytes,
      gzip: gzip === true,
      received: (bytes) => {
        all += bytes;
        if (env.elapsed() - reportedAt >= REPORT_MS) report();
      },
    });
    const what = pushed === null ? "pageBytes" : "pushBytes";
    signal({ type: "carried", what, bytes: pushed ?? all, ms: env.elapsed() - startedAt });
    return result;
  } finally {
    report();
  }
}
