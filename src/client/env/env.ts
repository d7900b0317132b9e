/**
 * The port to all that is not pure on a device: clock, chance, timers, locks, and word from the other tabs.
 *
 * Place: everything in `client` takes one; the browser's is made in `browser-env`, tests and the simulator make their own.
 */
import type { BaseEnv } from "../../core/values/env.ts";

export interface TabChannel {
  post(message: unknown): void;
  /** One listener; messages of this tab itself do not come back. */
  listen(listener: (message: unknown) => void): void;
  close(): void;
}

export interface Env extends BaseEnv {
  /** Milliseconds since some moment: for waits and for silence. Never jumps; may stand still while the device sleeps. */
  elapsed(): number;
  /** A number in [0, 1), for jitter. */
  chance(): number;
  channel(name: string): TabChannel;
  /**
   * Asks for a lock that one tab holds at a time. `held` is called when it is got, and holds it until its promise
   * ends; `lost` when it was stolen. With `steal`, it is taken from its holder.
   */
  lock(
    name: string,
    options: { readonly steal: boolean; readonly signal: AbortSignal },
    held: () => Promise<void>,
  ): Promise<void>;
  online(): boolean;
}
