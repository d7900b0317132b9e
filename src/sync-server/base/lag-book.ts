/**
 * The lag of the followers of a server behind the heads of their logs. The readers of their places note it, so that it
 * costs no read.
 *
 * Guarantees (lag-book.test.ts):
 * - A follower that is at the head of each log has 0, so that its series never ends.
 * - A log that nobody read for a minute counts no more, because another node may have moved its follower.
 * - A log at its head is not remembered.
 */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { evictOldest } from "./evict-oldest.ts";
import type { Observation } from "./telemetry.ts";

/** A log that is behind is read again at each walk, or after a failed attempt, which is sooner. */
const MS_MAX = 60_000;
const WALKS_MAX = 3;
/** The logs of a follower that are remembered. */
const LOGS_MAX = 10_000;

type Lag = { readonly events: number; readonly at: number };

export class LagBook {
  readonly #now: () => number;
  readonly #msMax: number;
  readonly #lags = new Map<string, Map<LogName, Lag>>();

  constructor(now: () => number, walkMs: number) {
    this.#now = now;
    this.#msMax = Math.max(MS_MAX, WALKS_MAX * walkMs);
  }

  /** Begins the series of a follower. */
  add(label: string): void {
    this.#logsOf(label);
  }

  /** Notes the place of a follower in a log, and the head of the log. */
  note(label: string, log: LogName, at: Cursor | null, head: Cursor | null): void {
    const logs = this.#logsOf(label);
    const events = positionOf(head) - positionOf(at);
    logs.delete(log);
    if (events <= 0) return;
    logs.set(log, { events, at: this.#now() });
    evictOldest(logs, () => logs.size > LOGS_MAX);
  }

  /** The largest lag of each follower, over all logs. */
  read(): readonly Observation[] {
    const since = this.#now() - this.#msMax;
    return [...this.#lags].map(([follower, logs]) => {
      for (const [log, { at }] of logs) if (at < since) logs.delete(log);
      const value = [...logs.values()].reduce((most, { events }) => Math.max(most, events), 0);
      return { value, facts: { follower } };
    });
  }

  #logsOf(label: string): Map<LogName, Lag> {
    const logs = this.#lags.get(label) ?? new Map<LogName, Lag>();
    this.#lags.set(label, logs);
    return logs;
  }
}
