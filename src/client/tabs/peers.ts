/**
 * The other tabs that have the same log and user open.
 *
 * Guarantees:
 * - Other tabs learn of a write at once, and of many writes by one message in each `HINT_MS`.
 * - A closed tab posts nothing more.
 * - Without messages, a tab is alone and works as if there were no other tab (`tabs.without-locks.test.ts`).
 */
import type { Env, TabChannel } from "../env/env.ts";
import { throttle } from "../env/throttle.ts";
import { listenTabs, type TabMessage } from "../messages/tab-messages.ts";

/** Milliseconds between two hints, because each hint makes each other tab read. */
const HINT_MS = 20;

export type Peers = {
  /** The feature without which no message of another tab can arrive. */
  readonly lacks: "tab-messages" | "storage" | null;
  readonly listen: (listener: (message: TabMessage) => void) => void;
  readonly post: (message: TabMessage) => void;
  /** Makes the other tabs read the store. */
  readonly hint: () => void;
  /** Posts a hint that is due, then nothing more. */
  readonly close: () => void;
};

/** `name`: null where no other tab uses the same store. */
export function connectPeers(env: Env, name: string | null): Peers {
  const channel = name === null ? null : openChannel(env, name);
  let isClosed = false;
  const post = (message: TabMessage) => {
    if (!isClosed) channel?.post(message);
  };
  const hints = throttle(env, HINT_MS, () => post({ type: "wrote" }));
  return {
    lacks: name === null ? "storage" : channel ? null : "tab-messages",
    listen: (listener) => channel && listenTabs(channel, listener),
    post,
    hint: hints.request,
    close() {
      hints.stop();
      isClosed = true;
      channel?.close();
    },
  };
}

function openChannel(env: Env, name: string): TabChannel | null {
  try {
    return env.channel(name);
  } catch {
    return null;
  }
}
