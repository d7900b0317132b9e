/** An app whose function never answers. The test decides when its time is over, so a busy machine changes nothing. */
import { type Env, runtimeEnv } from "../../src/sync-server/base/env.ts";

export type HangingApp = {
  readonly env: Env;
  /** The result of an app's function that never answers. */
  readonly hang: () => Promise<boolean>;
  readonly isAsked: () => boolean;
  /** Ends the time of every function that hangs. */
  readonly giveUp: () => void;
};

export function hangingApp(): HangingApp {
  let isHanging = false;
  const times: (() => void)[] = [];
  return {
    env: {
      ...runtimeEnv,
      setTimer(run, ms) {
        // The server sets its timer right after the call of `hang`.
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
