/** The browser's adapter of `Env`: clock, chance, timers, locks and channels. It works in a page and in a worker. */
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
    // Web Locks refuse `steal` and `signal` together. The signal is for a request that waits, and a steal never waits.
    await navigator.locks.request(name, steal ? { steal: true } : { signal }, held);
  },
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
