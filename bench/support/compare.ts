// Runs workloads in turns and shows each beside its bare inserts and its floor, as medians of the rounds.
import { type Load, type Measured, pushLoad } from "./http-load.ts";
import { printTable } from "./results.ts";
import type { BenchServer, Usage } from "./server.ts";
import { median, quantile, rounded } from "./stats.ts";

export type Contestant = {
  readonly name: string;
  readonly run: (load: Load, round: string, ms: number) => Promise<Measured> | Measured;
  /** The processor time of its server so far. */
  readonly usage?: () => Promise<Usage>;
};

export type Row = {
  readonly load: string;
  readonly name: string;
  readonly commitsPerSecond: number;
  readonly eventsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Percent of the first contestant's rate. */
  readonly share: number;
  /** Percent of the rate at which bare inserts and HTTP and JSON run one after the other. Null for these two. */
  readonly floorShare: number | null;
  readonly cpuMsPerCommit: number | null;
  /** Percent: the processor time of the first contestant, of its own. Null: one of them is not known. */
  readonly cpuShare: number | null;
};

/** The contestant that only reads and writes HTTP and JSON. */
const HTTP_FLOOR = "only HTTP and JSON";
/** The contestant that also checks and decides, and stores nothing. */
const DECIDE_FLOOR = "decided, not stored";

export function httpFloor({ url, usage }: BenchServer): Contestant {
  return { name: HTTP_FLOOR, run: (load, name, ms) => pushLoad([url], load, name, { ms }), usage };
}

export function decideFloor({ url, usage }: BenchServer): Contestant {
  return { name: DECIDE_FLOOR, run: (load, name, ms) => pushLoad([url], load, name, { ms }), usage };
}

export type Rounds = { readonly rounds: number; readonly ms: number; readonly warmMs: number };

/** Each contestant has each load in each round. The shares are those of the first contestant. */
export async function compare(
  contestants: readonly Contestant[],
  loads: readonly Load[],
  { rounds, ms, warmMs }: Rounds,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const load of loads) {
    const rates = contestants.map((): number[] => []);
    const times = contestants.map((): number[] => []);
    const cpu = contestants.map((): number[] => []);
    for (let round = -1; round < rounds; round++) {
      for (const [index, { run, usage }] of contestants.entries()) {
        const name = `${load.clients === 1 ? "one" : "many"}-${load.logs}-${load.events}-${round + 1}`;
        const before = await usage?.();
        const measured = await run(load, name, round < 0 ? warmMs : ms);
        const after = await usage?.();
        if (round < 0) continue;
        rates[index]?.push((measured.commits * 1000) / measured.ms);
        times[index]?.push(...measured.times);
        const cpuMs = before && after ? after.cpuMs - before.cpuMs : measured.cpuMs;
        if (cpuMs !== undefined) cpu[index]?.push(cpuMs / measured.commits);
      }
    }
    const first = median(rates[0] ?? []);
    const http = median(rates[contestants.findIndex(({ name }) => name === HTTP_FLOOR)] ?? []);
    const floor = http > 0 ? 1 / (1 / first + 1 / http) : null;
    const bareCpu = median(cpu[0] ?? []);
    for (const [index, { name }] of contestants.entries()) {
      const rate = median(rates[index] ?? []);
      rows.push({
        load: describeLoad(load),
        name,
        commitsPerSecond: rounded(rate, 1),
        eventsPerSecond: Math.round(rate * load.events),
        p50Ms: rounded(median(times[index] ?? [])),
        p99Ms: rounded(quantile(times[index] ?? [], 0.99)),
        share: Math.round((rate / first) * 100),
        floorShare:
          floor === null || index === 0 || name === HTTP_FLOOR || name === DECIDE_FLOOR
            ? null
            : Math.round((rate / floor) * 100),
        cpuMsPerCommit: cpu[index]?.length ? rounded(median(cpu[index]), 3) : null,
        cpuShare: cpu[0]?.length && cpu[index]?.length ? Math.round((bareCpu / median(cpu[index])) * 100) : null,
      });
    }
  }
  return rows;
}

export function describeLoad({ clients, logs, events }: Load): string {
  return `${count(clients, "client")}, ${count(logs, "log")}, ${count(events, "event")}`;
}

function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

export function printRows(rows: readonly Row[]): void {
  printTable(
    ["", "commits/s", "events/s", "% of bare", "% of floor", "p50 ms", "p99 ms", "CPU ms/commit", "% of bare CPU"],
    rows.map((row) => [
      `${row.load}: ${row.name}`,
      row.commitsPerSecond.toFixed(row.commitsPerSecond < 100 ? 1 : 0),
      row.eventsPerSecond,
      row.share,
      row.floorShare ?? "",
      row.p50Ms.toFixed(2),
      row.p99Ms.toFixed(2),
      row.cpuMsPerCommit?.toFixed(3) ?? "",
      row.cpuShare ?? "",
    ]),
  );
}
