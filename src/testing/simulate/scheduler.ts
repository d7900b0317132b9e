/**
 * The scheduler: virtual time, and one queue for everything that waits.
 *
 * Place: every injected wait of the simulation (store, network, timer, lock, message between tabs) parks here; the chance of
 * the seed picks which of those that are ready goes on. Between two picks all microtasks run dry.
 * Holds: the same seed gives the same picks in the same order, told by `traceHash`; what belongs to a dead owner never
 * runs, what belongs to a frozen one waits until it is thawed.
 */
import type { SeededRandom } from "../seeded-random.ts";

/** A tab, a server node, or the network: whatever may stop. */
export type Owner = { readonly name: string; state: "running" | "frozen" | "dead" };

/** What never stops: the network between them, and the world's own steps. */
export const nature: Owner = { name: "world", state: "running" };

type Parked = { readonly at: number; readonly owner: Owner; readonly label: string; readonly run: () => void };

/** Lines of the trace that are kept when someone wants to read it. */
const TRACE_LINES_MAX = 20_000;

export class Scheduler {
  /** Virtual milliseconds since the simulation began. */
  now = 0;
  picks = 0;
  readonly trace: string[] = [];
  readonly #random: SeededRandom;
  readonly #keepTrace: boolean;
  #parked: Parked[] = [];
  #hash = 0x811c9dc5;

  constructor(random: SeededRandom, keepTrace: boolean) {
    this.#random = random;
    this.#keepTrace = keepTrace;
  }

  get random(): SeededRandom {
    return this.#random;
  }

  /** A number that tells whether two runs did the same. */
  get traceHash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** Runs something later. Gives the function that calls it off. */
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

  /** Something that is not a wait but belongs in the trace: a fault, a step. */
  note(text: string): void {
    for (let index = 0; index < text.length; index++)
      this.#hash = Math.imul(this.#hash ^ text.charCodeAt(index), 0x01000193);
    if (this.#keepTrace && this.trace.length < TRACE_LINES_MAX)
      this.trace.push(`${String(Math.round(this.now)).padStart(8)}  ${text}`);
  }

  /** Lets time pass: everything that is due until then runs. */
  async runFor(ms: number): Promise<void> {
    const end = this.now + ms;
    while (await this.#runOne(end));
    this.now = end;
  }

  /** Runs until a condition holds, asked after each pick; false where it did not within the time. */
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

  /** One of those that are due, or of those that are due next. */
  #pick(end: number): Parked | null {
    let due = Infinity;
    let kept = 0;
    for (const parked of this.#parked) {
      if (parked.owner.state === "dead") continue;
      this.#parked[kept++] = parked;
      if (parked.owner.state === "running") due = Math.min(due, parked.at);
    }
    this.#parked.length = kept;
    if (due > end) return null;
    this.now = Math.max(this.now, due);
    const ready = this.#parked.filter(({ at, owner }) => at <= this.now && owner.state === "running");
    const next = this.#random.pick(ready);
    this.#parked.splice(this.#parked.indexOf(next), 1);
    return next;
  }
}

/** All promises that can go on have gone on. A hop through the event loop is the one sure way, and takes some 2 µs on Node. */
export function drain(): Promise<void> {
  return new Promise((resolve) => hop(resolve));
}

const hop: (run: () => void) => void =
  typeof globalThis.setImmediate === "function" ? globalThis.setImmediate : (run) => void setTimeout(run, 0);
