// `npm run bench -- server`: pushes a second that are durable before the answer: SQLite in a file, write-ahead log,
// `synchronous=FULL`. Each push has one commit, and each device waits for its answer. Devices on one log share its
// writer.
import { printTable, writeResult } from "./support/results.ts";
import { openPusher, startServer } from "./support/server.ts";
import { median, quantile, rounded } from "./support/stats.ts";

const ROUNDS = 3;
const ROUND_MS = 3_000;

await using server = await startServer();

type Load = { readonly name: string; readonly clients: number; readonly logs: number; readonly commits: number };
const loads: readonly Load[] = [
  { name: "1 client", clients: 1, logs: 1, commits: 1 },
  { name: "64 clients, one log", clients: 64, logs: 1, commits: 1 },
  { name: "64 clients, 64 logs", clients: 64, logs: 64, commits: 1 },
  { name: "1 client, 100 commits a push", clients: 1, logs: 1, commits: 100 },
];

const measured = new Map(loads.map((load) => [load, { rates: [] as number[], times: [] as number[] }]));
for (const load of loads) await run(load, "warm", 1_000);
for (let round = 0; round < ROUNDS; round++) {
  for (const load of loads) {
    const { perSecond, times } = await run(load, String(round), ROUND_MS);
    measured.get(load)?.rates.push(perSecond);
    measured.get(load)?.times.push(...times);
  }
}
const rows = [...measured].map(([{ name, commits }, { rates, times }]) => ({
  name,
  pushesPerSecond: Math.round(median(rates)),
  commitsPerSecond: Math.round(median(rates) * commits),
  p50Ms: rounded(median(times)),
  p99Ms: rounded(quantile(times, 0.99)),
}));
printTable(
  ["", "pushes/s", "commits/s", "p50 ms", "p99 ms"],
  rows.map(({ name, pushesPerSecond, commitsPerSecond, p50Ms, p99Ms }) => [
    name,
    pushesPerSecond,
    commitsPerSecond,
    p50Ms.toFixed(1),
    p99Ms.toFixed(1),
  ]),
);
writeResult("server", { loads: rows });

async function run(
  { clients, logs, commits }: Load,
  round: string,
  ms: number,
): Promise<{ readonly perSecond: number; readonly times: readonly number[] }> {
  const times: number[] = [];
  const start = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const pusher = openPusher(
        server.url,
        `load-${round}-${clients}-${logs}-${commits}-${client % logs}`,
        `client-${client}`,
      );
      while (performance.now() - start < ms) times.push(await pusher.push(commits));
    }),
  );
  return { perSecond: (times.length * 1000) / (performance.now() - start), times };
}
