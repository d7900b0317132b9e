/** Waits for a function of the app, but only for a bounded time, because other requests wait behind it. */
import { isPromise } from "../../core/values/promise.ts";
import type { Env } from "./env.ts";

export const ANSWER_MS_MAX = 5_000;

/** Calls a function of the app. Rejects if the function returns a promise that is not settled in time. */
export function callWithinTime<T>(env: Env, name: string, call: () => T | Promise<T>): T | Promise<T> {
  const result = call();
  // Most functions answer at once. A timer for each of them would cost more than the call.
  return isPromise(result) ? withinTime(env, name, Promise.resolve(result)) : result;
}

function withinTime<T>(env: Env, name: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = env.setTimer(
      () =>
        reject(new Error(`${name} did not answer within ${ANSWER_MS_MAX} ms. Make it faster, or let it fail sooner.`)),
      ANSWER_MS_MAX,
    );
    promise.then(resolve, reject).finally(cancel);
  });
}
