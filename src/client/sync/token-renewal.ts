/** Renews the token of an open socket, so that the socket outlives the token that opened it. */
import { TOKEN_LENGTH_MAX } from "../../core/history/limits.ts";
import type { Env } from "../env/env.ts";

/** Some apps return the old token until its last moment. */
const WAIT_MS_MIN = 100;
/** A timer of a browser cannot wait for a month. */
const WAIT_MS_MAX = 86_400_000;

export type TokenRenewal = {
  /** Sets the milliseconds until the present token ends. Null: it does not end. */
  readonly schedule: (leftMs: number | null) => void;
  readonly stop: () => void;
};

/** Sends the app's token after half of the time that is left, and again, because it may still be the old one. */
export function tokenRenewal(
  env: Env,
  token: () => Promise<string | null>,
  send: (token: string) => void,
): TokenRenewal {
  let stop = () => {};
  const renew = async (): Promise<void> => {
    const next = await token();
    if (next !== null && next.length <= TOKEN_LENGTH_MAX) send(next);
  };
  const schedule = (leftMs: number | null): void => {
    stop();
    if (leftMs === null || leftMs <= 0) return;
    const waitMs = Math.min(Math.max(leftMs / 2, WAIT_MS_MIN), WAIT_MS_MAX);
    stop = env.setTimer(() => {
      schedule(leftMs - waitMs);
      // If the app has no token, the next turn tries again. Without a new token the server closes the socket.
      renew().catch(() => {});
    }, waitMs);
  };
  return { schedule, stop: () => stop() };
}
