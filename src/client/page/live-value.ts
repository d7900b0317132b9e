/** A value that changes, with listeners: the implementation of `Live`. */
import type { Live } from "./live-types.ts";

export type LiveValue<Value> = Live<Value> & { readonly set: (value: Value) => void };

export function liveValue<Value>(initial: Value): LiveValue<Value> {
  let value = initial;
  const listeners = new Set<(value: Value) => void>();
  return {
    get: () => value,
    set(next) {
      value = next;
      // A copy, because a listener may subscribe or unsubscribe others.
      for (const listener of Array.from(listeners)) callListener(listener, next);
    },
    subscribe(listener) {
      // A function of its own, because the app may subscribe the same listener twice and unsubscribe one of them.
      const own = (next: Value) => listener(next);
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}

/** Reports an error of a listener as uncaught, because other listeners and the caller must still continue. */
export function callListener<Value>(listener: (value: Value) => void, value: Value): void {
  try {
    listener(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
