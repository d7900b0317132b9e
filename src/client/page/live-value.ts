/** A value that changes, with subscribers: what the page's status, rejections and presence are. */
import type { Live } from "./log-handle.ts";

export type LiveValue<Value> = Live<Value> & { readonly set: (value: Value) => void };

export function liveValue<Value>(initial: Value): LiveValue<Value> {
  let value = initial;
  const listeners = new Set<(value: Value) => void>();
  return {
    get: () => value,
    set(next) {
      value = next;
      // A copy: who subscribes or leaves while being told does not change who is told.
      for (const listener of Array.from(listeners)) tell(listener, next);
    },
    subscribe(listener) {
      // Each call is a subscription of its own, also of the same function.
      const own = (next: Value) => listener(next);
      listeners.add(own);
      return () => listeners.delete(own);
    },
  };
}

/** One that throws is the app's mistake, told as such: what others are shown must not depend on it. */
function tell<Value>(listener: (value: Value) => void, value: Value): void {
  try {
    listener(value);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
