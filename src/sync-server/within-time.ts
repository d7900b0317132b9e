/** Waiting for a function of the app, but not for ever: others wait behind it. */
import type { Env } from "./env.ts";

export const ANSWER_MS_MAX = 5_000;

/** The promise's value, or an error when it takes too long. */
export function withinTime<T>(env: Env, what: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = env.setTimer(() => reject(new Error(`${what} gave no answer within ${ANSWER_MS_MAX} ms`)), ANSWER_MS_MAX);
    promise.then(resolve, reject).finally(cancel);
  });
}
