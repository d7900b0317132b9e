/**
 * A tab's place among the numbers of `pending`: what spares an append its look at the tail.
 *
 * An append under the next number fails by itself where that number has a row. So a tab needs no look as long as the number behind the one
 * that it goes by keeps its row, whether or not that commit has ended. A tab that appends says where it stands through a Web Lock with a
 * number in its name; rows of ended commits are swept only up to the least number that is held. One that has appended nothing for a while
 * gives its place back, so that a sleeping tab keeps no rows.
 *
 * Holds: without a place, or where locks are not to be had, an append looks, and nothing else is different.
 * - A sweep goes no further than what its handle had seen, and what every tab held, when it asked.
 * - A place counts from the first look that began after it was got: a sweep that asked before then removes nothing behind that
 *   tail. It covers the highest tail that was seen, which is no earlier one.
 * - One that moves takes the new place before it gives the old one back, and none is given back while an append is on its way.
 *
 * Source: the idea of hazard pointers (Michael, 2004): nothing is reclaimed that somebody may still hold.
 */
import type { Env } from "../../env/env.ts";

/** Numbers that a tab goes on before it moves its place. */
const STEP = 16;
/** A place is given back when nothing was appended for one to two of these. Browsers freeze a hidden tab after some minutes. */
const IDLE_MS = 30_000;

export type LeaseLocks = Pick<LockManager, "request" | "query">;

/** A place that is held: `at` is the number, a tail that stood in the database before. */
export type HeldLease = { readonly at: number; proven: boolean; readonly release: () => void };

export class TailLease {
  readonly #locks: LeaseLocks | null;
  readonly #prefix: string;
  readonly #timer: Env["setTimer"];
  #held: HeldLease | null = null;
  #asking = false;
  #closed = false;
  /** Appends on their way, and the places that are given back after them. */
  #appending = 0;
  #outgrown: HeldLease[] = [];
  /** The highest tail that this handle found in the database. */
  #seen = 0;
  #sweepable = 0;
  #idle = true;
  #callOff: (() => void) | null = null;

  constructor(database: string, locks: LeaseLocks | null, timer: Env["setTimer"]) {
    this.#locks = locks;
    this.#prefix = `${database}:place:`;
    this.#timer = timer;
  }

  get held(): HeldLease | null {
    return this.#held;
  }

  /** Runs an append. What it goes by stays held until it has ended. */
  async during<T>(append: () => Promise<T>): Promise<T> {
    this.#appending++;
    try {
      return await append();
    } finally {
      if (--this.#appending === 0) for (const held of this.#outgrown.splice(0)) held.release();
    }
  }

  /** Whether the number behind this tail has a row wherever the tail has moved: then an append need not look. Not for an earlier one than was seen. */
  covers(tail: number): boolean {
    return this.#held !== null && this.#held.proven && tail === this.#seen;
  }

  /** Told of each tail that was found in the database. */
  saw(tail: number): void {
    if (tail > this.#seen) this.#seen = tail;
  }

  /** Told that an append found its tail to be the last, and which place was held when it began to look. */
  looked(tail: number, held: HeldLease | null): void {
    this.saw(tail);
    if (held) held.proven = true;
  }

  /** Told the tail that an append left. */
  appended(tail: number): void {
    this.saw(tail);
    this.#idle = false;
    if (!this.#asking && (this.#held === null || tail - this.#held.at >= STEP)) this.#move();
  }

  /**
   * The highest number whose row, where its commit has ended, no tab needs any more: as the browser last told, which it is asked again for the
   * next time. An old answer is only a lesser one, and a browser that does not answer keeps nobody waiting.
   */
  sweepable(): number {
    if (!this.#locks) return this.#seen;
    this.ask();
    return this.#sweepable;
  }

  /** Asks the browser which places are held. */
  ask(): void {
    if (this.#locks) void this.#askForPlaces(this.#locks);
  }

  close(): void {
    this.#closed = true;
    this.#leave();
  }

  async #askForPlaces(locks: LeaseLocks): Promise<void> {
    const seen = this.#seen;
    try {
      const { held = [] } = await locks.query();
      const places = held.flatMap(({ name }) =>
        name?.startsWith(this.#prefix) ? Number(name.slice(this.#prefix.length)) : [],
      );
      this.#sweepable = Math.max(this.#sweepable, Math.min(seen, ...places));
    } catch {
      // Then nothing more is swept.
    }
  }

  #move(): void {
    if (!this.#locks || this.#closed) return;
    this.#asking = true;
    const at = this.#seen;
    let got: HeldLease | null = null;
    const hold = () => {
      this.#asking = false;
      if (this.#closed) return undefined;
      return new Promise<void>((release) => {
        const before = this.#held;
        got = this.#held = { at, proven: before?.proven ?? false, release };
        if (before) this.#giveBack(before);
        if (!this.#callOff) this.#watch();
      });
    };
    // Refused, or stolen: then this tab looks.
    this.#locks
      .request(`${this.#prefix}${at}`, { mode: "shared" }, hold)
      .catch(() => {})
      .finally(() => {
        this.#asking = false;
        if (got !== null && this.#held === got) this.#held = null;
      });
  }

  #watch(): void {
    this.#idle = true;
    this.#callOff = this.#timer(() => {
      this.#callOff = null;
      if (this.#idle) this.#leave();
      else this.#watch();
    }, IDLE_MS);
  }

  #leave(): void {
    this.#callOff?.();
    this.#callOff = null;
    if (this.#held) this.#giveBack(this.#held);
    this.#held = null;
  }

  #giveBack(held: HeldLease): void {
    if (this.#appending === 0) held.release();
    else this.#outgrown.push(held);
  }
}
