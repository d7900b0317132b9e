/** Renews the token of an open socket, so that the socket outlives the token that opened it. */
import { TOKEN_LENGTH_MAX } from "../../core/history/limits.ts";
import type { Env } from "../env/env.ts";

/** Some apps return the old token until its last moment. */
const WAIT_MS_MIN = 100;
/** A timer of a browser cannot wait for a month. */
const WAIT_MS_MAX = 86_400_000;

/** Sends the app's token after half of the time that is left, and again, because it may still be the old one. */
export class TokenRenewal {
  readonly #env: Env;
  readonly #token: () => Promise<string | null>;
  readonly #send: (token: string) => void;
  #cancel = () => {};

  constructor(env: Env, token: () => Promise<string | null>, send: (token: string) => void) {
    this.#env = env;
    this.#token = token;
    this.#send = send;
  }

  /** Sets the milliseconds until the present token ends. Null: it does not end. */
  schedule(leftMs: number | null): void {
    this.stop();
    if (leftMs === null || leftMs <= 0) return;
    const waitMs = Math.min(Math.max(leftMs / 2, WAIT_MS_MIN), WAIT_MS_MAX);
    this.#cancel = this.#env.setTimer(() => {
      this.schedule(leftMs - waitMs);
      // If the app has no token, the next turn tries again. Without a new token the server closes the socket.
      this.#renew().catch(() => {});
    }, waitMs);
  }

  stop(): void {
    this.#cancel();
  }

  async #renew(): Promise<void> {
    const next = await this.#token();
    if (next !== null && next.length <= TOKEN_LENGTH_MAX) this.#send(next);
  }
}
