/** An app whose answer never comes, and a server that gives up on it when the test says so: however busy the machine, nothing else is late. */
import { type Env, runtimeEnv } from "../../src/sync-server/base/env.ts";

export type HangingApp = {
  readonly env: Env;
  /** What a function of the app gives that never answers. */
  readonly hang: () => Promise<boolean>;
  readonly isAsked: () => boolean;
  /** The time is over for what hangs. */
  readonly giveUp: () => void;
};

export function hangingApp(): HangingApp {
  let isHanging = false;
  const times: (() => void)[] = [];
  return {
    env: {
      ...runtimeEnv,
      setTimer(run, ms) {
        // The server sets the time for an answer as soon as it sees that there is none yet.
        if (!isHanging) return runtimeEnv.setTimer(run, ms);
        isHanging = false;
        times.push(run);
        return () => {};
      },
    },
    hang() {
      isHanging = true;
      return new Promise(() => {});
    },
    isAsked: () => times.length > 0,
    giveUp: () => times.splice(0).forEach((end) => end()),
  };
}
