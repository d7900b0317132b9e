/**
 * The port to everything on a device that is not pure: clock, chance, timers, locks and messages between tabs.
 *
 * Place: `browser-env` is the browser's adapter. Tests and the simulator bring their own.
 */
import type { BaseEnv } from "../../core/values/env.ts";

export interface TabChannel {
  post(message: unknown): void;
  /** Sets the one listener. A tab does not receive its own messages. */
  listen(listener: (message: unknown) => void): void;
  close(): void;
}

export interface Env extends BaseEnv {
  /** Milliseconds since some moment, to measure waits and silence. Never jumps. May stop while the device sleeps. */
  elapsed(): number;
  /** A number in [0, 1), for jitter. */
  chance(): number;
  /** Throws where the browser has no messages between tabs. */
  channel(name: string): TabChannel;
  /**
   * Requests a lock that one tab holds at a time. With `steal`, the request takes the lock from its holder.
   *
   * `held` runs when the lock is granted, and keeps the lock until its promise settles. The returned promise rejects
   * with an `AbortError` when another tab stole the lock, or when `signal` cancelled a request that still waited. Any
   * other error means that the browser has no locks for this page.
   */
  lock(
    name: string,
    options: { readonly steal: boolean; readonly signal: AbortSignal },
    held: () => Promise<void>,
  ): Promise<void>;
}
