/**
 * The turn of a runtime that sleeps between events: how long background work continues before it waits for an alarm.
 *
 * A Durable Object gets its processor time and its number of outgoing calls for each event. So a long work must be cut
 * into several events.
 *
 * Guarantees (log-pool.turns.test.ts): a turn begins with the first run after a rest, and no later run prolongs it.
 */
import type { Env } from "./env.ts";

export type TurnLimits = {
  /** Milliseconds of a turn. */
  readonly ms: number;
  /** Calls of handlers in a turn, because each may use outgoing calls. */
  readonly calls: number;
};

export class Turn {
  readonly #limits: TurnLimits;
  readonly #env: Pick<Env, "now">;
  #runs = 0;
  #calls = 0;
  #startedAt = 0;

  constructor(limits: TurnLimits, env: Pick<Env, "now">) {
    this.#limits = limits;
    this.#env = env;
  }

  /** True: no new work should begin before the runtime woke again. */
  get isOver(): boolean {
    const ms = this.#env.now() - this.#startedAt;
    // A negative time comes from a clock that was set back.
    return this.#calls >= this.#limits.calls || ms >= this.#limits.ms || ms < 0;
  }

  /** A run begins. */
  enter(): void {
    if (this.#runs++ > 0) return;
    this.#startedAt = this.#env.now();
    this.#calls = 0;
  }

  /** A run ended. */
  leave(): void {
    this.#runs--;
  }

  /** A handler is called. */
  countCall(): void {
    this.#calls++;
  }
}
