/** The browser's clock, chance, timers, locks and channels. Works in a page and in a worker. */
import type { Env, TabChannel } from "./env.ts";

export const browserEnv: Env = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  random,
  chance: () => Math.random(),
  timer(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
  channel: openChannel,
  async lock(name, { steal, signal }, held) {
    // The signal calls off a request that waits; the two cannot be given together.
    await navigator.locks.request(name, steal ? { steal: true } : { signal }, held);
  },
  online: () => navigator.onLine,
};

/** Asking the system costs some 15 microseconds, whether for ten bytes or for a thousand; each byte is given once. */
const POOL_BYTES = 1024;
let pool = new Uint8Array(0);

function random(bytes: number): Uint8Array {
  if (bytes > POOL_BYTES) return crypto.getRandomValues(new Uint8Array(bytes));
  if (pool.length < bytes) pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
  const taken = pool.slice(0, bytes);
  pool = pool.subarray(bytes);
  return taken;
}

function openChannel(name: string): TabChannel {
  const channel = new BroadcastChannel(name);
  return {
    post: (message) => channel.postMessage(message),
    listen(listener) {
      channel.onmessage = (event: MessageEvent<unknown>) => listener(event.data);
    },
    close: () => channel.close(),
  };
}
