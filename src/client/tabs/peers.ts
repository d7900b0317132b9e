/**
 * The other tabs that have the same log and user open.
 *
 * Guarantees:
 * - Other tabs learn of a write at once, and of many writes by one message in each `HINT_MS`.
 * - A closed tab posts nothing more.
 */
import type { Env, TabChannel } from "../env/env.ts";
import { type Throttled, throttle } from "../env/throttle.ts";
import { listenTabs, type TabMessage } from "../messages/tab-messages.ts";

/** Milliseconds between two hints, because each hint makes each other tab read. */
const HINT_MS = 20;

export class Peers {
  readonly #channel: TabChannel;
  readonly #hints: Throttled;
  #isClosed = false;

  constructor(env: Env, name: string) {
    this.#channel = env.channel(name);
    this.#hints = throttle(env, HINT_MS, () => this.post({ type: "wrote" }));
  }

  listen(listener: (message: TabMessage) => void): void {
    listenTabs(this.#channel, listener);
  }

  post(message: TabMessage): void {
    if (!this.#isClosed) this.#channel.post(message);
  }

  /** Makes the other tabs read the store. */
  hint(): void {
    this.#hints.request();
  }

  /** Posts a hint that is due, then nothing more. */
  close(): void {
    this.#hints.stop();
    this.#isClosed = true;
    this.#channel.close();
  }
}
