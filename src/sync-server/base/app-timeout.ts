/** Waiting for a function of the app, but not for ever: others wait behind it. */
import type { Env } from "./env.ts";

export const ANSWER_MS_MAX = 5_000;

/** The promise's value, or an error when it takes too long. */
function withinTime<T>(env: Env, what: string, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = env.setTimer(
      () => reject(new Error(`${what} gave no answer within ${ANSWER_MS_MAX} ms`)),
      ANSWER_MS_MAX,
    );
    promise.then(resolve, reject).finally(cancel);
  });
}

/** What a function of the app answers. At once where it does: most do, and a timer for each would cost more than the answer. */
export function askWithinTime<T>(env: Env, what: string, ask: () => T | Promise<T>): T | Promise<T> {
  const answer = ask();
  return isLater(answer) ? withinTime(env, what, Promise.resolve(answer)) : answer;
}

function isLater<T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  return typeof answer === "object" && answer !== null && "then" in answer;
}
