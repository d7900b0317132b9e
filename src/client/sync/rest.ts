/** A rest of the sync loop, which ends at a time or by a call. */
import type { Env } from "../env/env.ts";

export class Rest {
  readonly #env: Env;
  #until: number | null = null;
  #end: (() => void) | null = null;

  constructor(env: Env) {
    this.#env = env;
  }

  get isOn(): boolean {
    return this.#end !== null;
  }

  /** The end of the present rest, by `env.elapsed`. Null: only `end` ends it. */
  get until(): number | null {
    return this.#until;
  }

  async wait(until: number | null): Promise<void> {
    const env = this.#env;
    this.#until = until;
    await new Promise<void>((resolve) => {
      const cancel = until === null ? () => {} : env.setTimer(resolve, Math.max(0, until - env.elapsed()));
      this.#end = () => {
        cancel();
        resolve();
      };
    });
    this.#end = null;
  }

  end(): void {
    this.#end?.();
  }
}
