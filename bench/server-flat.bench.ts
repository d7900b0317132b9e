// `npm run bench -- flat`: the cost of a commit while a log and the number of logs grow a thousandfold, on SQLite. One
// client pushes commits of one event to logs of 10³ to 10⁶ events, and to 1 to 10⁴ logs in turn.
import { pushLoad } from "./support/http-load.ts";
import { printTable, writeResult } from "./support/results.ts";
import { startServer } from "./support/server.ts";
import { median, quantile, rounded } from "./support/stats.ts";

const ROUNDS = 5;
const ROUND_MS = 1_000;
const sizes = [1_000, 10_000, 100_000, 1_000_000];
const counts = [1, 100, 10_000];

await using server = await startServer({
  logs: Object.fromEntries(sizes.map((events) => [`size-${events}-0`, events])),
});
// The logs exist before the measurement, because the first commit of a log also creates it.
for (const logs of counts)
  await pushLoad([server.url], { clients: Math.min(64, logs), logs, events: 1 }, `count-${logs}`, { pushes: logs });

const rows = [
  ...sizes.map((events) => ({ name: `a log of ${events} events`, log: `size-${events}`, logs: 1 })),
  ...counts.map((logs) => ({ name: `${logs} logs in turn`, log: `count-${logs}`, logs })),
].map((row) => ({ ...row, cpu: [] as number[], times: [] as number[] }));

for (let round = -1; round < ROUNDS; round++) {
  for (const { log, logs, cpu, times } of rows) {
    const before = await server.usage();
    const measured = await pushLoad([server.url], { clients: 1, logs, events: 1 }, log, { ms: ROUND_MS });
    const after = await server.usage();
    if (round < 0) continue;
    cpu.push((after.cpuMs - before.cpuMs) / measured.commits);
    times.push(...measured.times);
  }
}
const results = rows.map(({ name, cpu, times }) => ({
  name,
  cpuMsPerCommit: rounded(median(cpu), 3),
  p50Ms: rounded(median(times)),
  p99Ms: rounded(quantile(times, 0.99)),
}));
printTable(
  ["commits of one event by one client", "CPU ms/commit", "p50 ms", "p99 ms"],
  results.map(({ name, cpuMsPerCommit, p50Ms, p99Ms }) => [
    name,
    cpuMsPerCommit.toFixed(3),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
  ]),
);
writeResult("server-flat", { rows: results });
