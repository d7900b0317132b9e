// Two ways to do one thing, in short turns of one run and one process. Each pair of turns sees the same other programs,
// so the ratio of a pair is steadier than two rates, above all by processor time.
import { median, quantile } from "./stats.ts";

/** A turn: it does `count` things. `settle` is work that belongs to them, but not to their rate. */
export type Turn = { readonly count: number; readonly run: () => Promise<void>; readonly settle?: () => Promise<void> };

/** The rate of a turn by the clock, and the processor time of each thing, in milliseconds. */
export type Sample = { readonly rate: number; readonly cpuMs: number };

export type Pairs = {
  readonly rate: number;
  readonly cpuMs: number;
  /** Percent of the other way's rate by the clock: the median of the pairs. */
  readonly share: number;
  /** The same by processor time, with the quarters of the pairs below and above it. */
  readonly cpuShare: number;
  readonly cpuQuarters: readonly [low: number, high: number];
};

const WARM = 3;

export async function measured({ count, run, settle }: Turn): Promise<Sample> {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await run();
  const ms = performance.now() - started;
  await settle?.();
  const { user, system } = process.cpuUsage(cpu);
  return { rate: (count * 1_000) / ms, cpuMs: (user + system) / 1_000 / count };
}

/** Runs both ways in turns. The first of a pair changes each time, because it may leave work for the second. */
export async function alternate(pairs: number, other: () => Turn, own: () => Turn): Promise<Pairs> {
  const found: { readonly own: Sample; readonly other: Sample }[] = [];
  for (let pair = -WARM; pair < pairs; pair++) {
    const first = await measured(pair % 2 === 0 ? other() : own());
    const second = await measured(pair % 2 === 0 ? own() : other());
    if (pair >= 0) found.push(pair % 2 === 0 ? { other: first, own: second } : { own: first, other: second });
  }
  return comparePairs(found);
}

export function comparePairs(found: readonly { readonly own: Sample; readonly other: Sample }[]): Pairs {
  const percent = (ratio: number): number => Math.round(ratio * 100);
  const byCpu = found.map(({ own, other }) => other.cpuMs / own.cpuMs);
  return {
    rate: Math.round(median(found.map(({ own }) => own.rate))),
    cpuMs: median(found.map(({ own }) => own.cpuMs)),
    share: percent(median(found.map(({ own, other }) => own.rate / other.rate))),
    cpuShare: percent(median(byCpu)),
    cpuQuarters: [percent(quantile(byCpu, 0.25)), percent(quantile(byCpu, 0.75))],
  };
}
