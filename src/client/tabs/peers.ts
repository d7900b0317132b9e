/**
 * The other tabs that have the same log and user open.
 *
 * Guarantees:
 * - Other tabs learn of a write at once, and of many writes by one message in each `HINT_MS`.
 * - A closed tab posts nothing more.
 */
import type { Env } from "../env/env.ts";
import { throttle } from "../env/throttle.ts";
import { listenTabs, type TabMessage } from "../messages/tab-messages.ts";

/** Milliseconds between two hints, because each hint makes each other tab read. */
const HINT_MS = 20;

export type Peers = {
  readonly listen: (listener: (message: TabMessage) => void) => void;
  readonly post: (message: TabMessage) => void;
  /** Makes the other tabs read the store. */
  readonly hint: () => void;
  /** Posts a hint that is due, then nothing more. */
  readonly close: () => void;
};

export function connectPeers(env: Env, name: string): Peers {
  const channel = env.channel(name);
  let isClosed = false;
  const post = (message: TabMessage) => {
    if (!isClosed) channel.post(message);
  };
  const hints = throttle(env, HINT_MS, () => post({ type: "wrote" }));
  return {
    listen: (listener) => listenTabs(channel, listener),
    post,
    hint: hints.request,
    close() {
      hints.stop();
      isClosed = true;
      channel.close();
    },
  };
}
