// The memory that a workload holds: the heap after collections, while it runs.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const EVERY_MS = 100;

/** Runs `work`, and returns the most megabytes of the heap above those before it. */
export async function heapWhile(work: () => Promise<void>): Promise<number> {
  const before = heapNow();
  let most = 0;
  const timer = setInterval(() => (most = Math.max(most, heapNow() - before)), EVERY_MS);
  await work();
  clearInterval(timer);
  return most;
}

/** Megabytes of the heap and of buffers, after a collection. */
export function heapNow(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc()");
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1_000_000;
}
