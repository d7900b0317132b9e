/** The progress of a long command, with the time that is left. */
import type { Json } from "../../core/values/json.ts";
import { type Output, withCommas } from "./output.ts";

/** Milliseconds between two reports: on a terminal, to a program, and to a file. */
const TERMINAL_MS = 100;
const JSON_MS = 1_000;
const FILE_MS = 5_000;
/** Milliseconds before the first estimate, because the first pages are not typical. */
const ESTIMATE_MS_MIN = 1_000;

export class Progress {
  readonly #output: Output;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #everyMs: number;
  #reportedAt: number;
  /** The count at the first report. An earlier run did this part. */
  #before: number | null = null;
  #width = 0;

  constructor(output: Output, now: () => number = () => performance.now()) {
    this.#output = output;
    this.#now = now;
    this.#startedAt = now();
    this.#reportedAt = this.#startedAt;
    this.#everyMs = output.isTerminal ? TERMINAL_MS : output.isJson ? JSON_MS : FILE_MS;
  }

  /** Reports `done` of `total`, if the last report is long enough ago. */
  report(noun: string, done: number, total: number, facts: { readonly [key: string]: Json } = {}): void {
    const now = this.#now();
    this.#before ??= done;
    if (now - this.#reportedAt < this.#everyMs) return;
    this.#reportedAt = now;
    const secondsLeft = this.#secondsLeft(now, done, total);
    if (this.#output.isJson) {
      const progress = { done, total, ...(secondsLeft !== null && { secondsLeft }), ...facts };
      process.stdout.write(`${JSON.stringify({ progress })}\n`);
      return;
    }
    const share = total > 0 ? ` (${Math.floor((100 * done) / total)} %)` : "";
    const left = secondsLeft === null ? "" : `, ${timeLeft(secondsLeft)} left`;
    this.#show(`${withCommas(done)} of ${withCommas(total)} ${noun}${share}${left}`);
  }

  /** Removes the line from the terminal, before other lines are written. */
  clear(): void {
    if (this.#width > 0) process.stderr.write(`\r${" ".repeat(this.#width)}\r`);
    this.#width = 0;
  }

  #secondsLeft(now: number, done: number, total: number): number | null {
    const passedMs = now - this.#startedAt;
    const since = done - (this.#before ?? 0);
    if (passedMs < ESTIMATE_MS_MIN || since <= 0) return null;
    return Math.ceil(((total - done) * passedMs) / since / 1000);
  }

  #show(line: string): void {
    if (!this.#output.isTerminal) return void process.stderr.write(`${line}\n`);
    process.stderr.write(`\r${line.padEnd(this.#width)}`);
    this.#width = line.length;
  }
}

/** A time for people: `40 s`, `3 min`, `2 h 5 min`. */
export function timeLeft(seconds: number): string {
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 90 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
