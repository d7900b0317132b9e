/** Promises where a value was expected, because a function of the app is async. */

/** True for the answer of a function that does not answer at once. A row may have a field `then`, so it is called. */
export function isPromise<T>(result: T | PromiseLike<T>): result is PromiseLike<T> {
  return typeof result === "object" && result !== null && "then" in result && typeof result.then === "function";
}

/** True for a promise. It gets a handler, because nobody waits for it and its rejection would end the process. */
export function dropPromise(result: unknown): result is PromiseLike<unknown> {
  if (!isPromise(result)) return false;
  result.then(undefined, () => {});
  return true;
}
