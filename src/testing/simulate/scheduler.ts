/**
 * The scheduler: virtual time, and one queue for all waits.
 *
 * Every wait of the simulation (store, network, timer, lock, message between tabs) parks here. The seed picks the next
 * of the waits that are due. Between two picks all microtasks run.
 *
 * Guarantees:
 * - The same seed makes the same picks in the same order, which `traceHash` proves.
 * - A wait of a dead owner never runs. A wait of a frozen owner stays until the owner thaws.
 */
import type { SeededRandom } from "../seeded-random.ts";

/** A tab, a server node or the network. It may freeze or die. */
export type Owner = { readonly name: string; state: "running" | "frozen" | "dead" };

/** The owner that never stops, for the network and the world's own steps. */
export const nature: Owner = { name: "world", state: "running" };

type Parked = { readonly at: number; readonly owner: Owner; readonly label: string; readonly run: () => void };

/** The largest number of trace lines that are kept. */
const TRACE_LINES_MAX = 20_000;

export class Scheduler {
  /** Virtual milliseconds since the simulation began. */
  now = 0;
  picks = 0;
  readonly trace: string[] = [];
  readonly #random: SeededRandom;
  readonly #keepTrace: boolean;
  readonly #parked: Parked[] = [];
  readonly #ready: number[] = [];
  #hash = 0x811c9dc5;

  constructor(random: SeededRandom, keepTrace: boolean) {
    this.#random = random;
    this.#keepTrace = keepTrace;
  }

  get random(): SeededRandom {
    return this.#random;
  }

  /** A hash of all picks and notes. Two runs with the same hash did the same. */
  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** Runs a function later. Returns a function that cancels it. */
  later(owner: Owner, label: string, delayMs: number, run: () => void): () => void {
    const parked: Parked = { at: this.now + Math.max(0, delayMs), owner, label, run };
    if (owner.state !== "dead") this.#parked.push(parked);
    return () => {
      const at = this.#parked.indexOf(parked);
      if (at >= 0) this.#parked.splice(at, 1);
    };
  }

  wait(owner: Owner, label: string, delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.later(owner, label, delayMs, resolve);
    });
  }

  /** Adds a line to the trace, for a fault or a step. */
  note(text: string): void {
    for (let index = 0; index < text.length; index++)
      this.#hash = Math.imul(this.#hash ^ text.charCodeAt(index), 0x01000193);
    if (this.#keepTrace && this.trace.length < TRACE_LINES_MAX)
      this.trace.push(`${String(Math.round(this.now)).padStart(8)}  ${text}`);
  }

  /** Lets time pass and runs everything that becomes due. */
  async runFor(ms: number): Promise<void> {
    const end = this.now + ms;
    while (await this.#runOne(end));
    this.now = end;
  }

  /** Runs until a condition is true, which it checks after each pick. Returns false if the time ran out first. */
  async runUntil(condition: () => boolean, msMax: number): Promise<boolean> {
    const end = this.now + msMax;
    await drain();
    while (!condition()) if (!(await this.#runOne(end))) return condition();
    return true;
  }

  async #runOne(end: number): Promise<boolean> {
    const next = this.#pick(end);
    if (!next) return false;
    this.picks++;
    this.note(`${next.owner.name} ${next.label}`);
    next.run();
    await drain();
    return true;
  }

  /** Picks a due wait. If none is due, it moves the time to the next wait. */
  #pick(end: number): Parked | null {
    let due = Infinity;
    let kept = 0;
    for (const parked of this.#parked) {
      if (parked.owner.state === "dead") continue;
      this.#parked[kept++] = parked;
      if (parked.owner.state === "running" && parked.at < due) due = parked.at;
    }
    this.#parked.length = kept;
    if (due > end) return null;
    this.now = Math.max(this.now, due);
    // The places of the waits that are due. An array of their own would be made at each pick.
    this.#ready.length = 0;
    for (let index = 0; index < kept; index++) {
      const parked = this.#parked[index];
      if (parked && parked.at <= this.now && parked.owner.state === "running") this.#ready.push(index);
    }
    return this.#parked.splice(this.#random.pick(this.#ready), 1)[0] ?? null;
  }
}

/** Waits until all microtasks ran. On Node it takes about 0.2 µs, and most calls do not return to the event loop. */
export function drain(): Promise<void> {
  return new Promise((resolve) => hop(resolve));
}

/** Every so many hops return to the event loop, so that signals and the messages of a test runner get through. */
const HOPS_A_TURN = 256;
let hops = 0;

// Node runs `nextTick` once no microtask is left. `setImmediate` does so too, at five times the cost.
const hop: (run: () => void) => void =
  typeof globalThis.setImmediate === "function" && typeof globalThis.process?.nextTick === "function"
    ? (run) => (++hops % HOPS_A_TURN === 0 ? void setImmediate(run) : globalThis.process.nextTick(run))
    : (run) => void setTimeout(run, 0);
