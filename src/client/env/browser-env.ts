/** The browser's clock, chance, timers, locks and channels. Works in a page and in a worker. */
import { bytePool } from "../../core/values/env.ts";
import type { Env, TabChannel } from "./env.ts";

export const browserEnv: Env = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  randomBytes: bytePool((count) => crypto.getRandomValues(new Uint8Array(count))),
  chance: () => Math.random(),
  setTimer(run, delayMs) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  channel: openChannel,
  async lock(name, { steal, signal }, held) {
    // The signal calls off a request that waits; the two cannot be given together.
    await navigator.locks.request(name, steal ? { steal: true } : { signal }, held);
  },
  online: () => navigator.onLine,
};

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
