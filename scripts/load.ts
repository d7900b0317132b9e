// `npm run load -- --clients 1000 --seconds 300 --logs 20`: clients with a socket and a push a second on one server
// with SQLite.
//
//   npm run load -- --store postgres --nodes 3     nodes on one Postgres that it starts; each log is spread over them
import { parseArgs } from "node:util";
import { megabytes, runLoad } from "../test/load/run-load.ts";
import { startOwnPostgres } from "../test/support/postgres-cluster.ts";
import { measureSilentSockets } from "../test/load/silent-sockets.ts";

const { values } = parseArgs({
  options: {
    clients: { type: "string", default: "1000" },
    seconds: { type: "string", default: "60" },
    logs: { type: "string", default: "20" },
    store: { type: "string", default: "sqlite" },
    nodes: { type: "string", default: "3" },
    "no-silent": { type: "boolean", default: false },
  },
});
const [clients, seconds, logs] = [Number(values.clients), Number(values.seconds), Number(values.logs)];
const postgres = values.store === "postgres" ? await startOwnPostgres({ isDurable: true }) : undefined;
const nodes = Number(values.nodes);
const { answerMs, lateMs, results, start, end, samples, cpu } = await runLoad({
  clients,
  seconds,
  logs,
  ...(postgres && { shared: { postgres, nodes } }),
  progress: console.log,
}).finally(() => postgres?.stop());
const sum = (of: (result: (typeof results)[number]) => number) =>
  results.reduce((total, result) => total + of(result), 0);
const failures = results.flatMap((result) => result.failures);
const [lost, doubled, gaps] = [
  sum((result) => result.lost),
  sum((result) => result.doubled),
  sum((result) => result.gaps),
];
const slope = slopeOf(samples.slice(Math.floor(samples.length / 2)));

console.log(`
${clients} clients on ${logs} logs${postgres ? `, ${nodes} nodes on Postgres` : ""}, ${seconds} s, one push a second each
answers     p50 ${at(answerMs, 0.5)} ms, p99 ${at(answerMs, 0.99)} ms, longest ${at(answerMs, 1)} ms (${answerMs.length} pushes; the clients' own lateness: p99 ${at(lateMs, 0.99)} ms)
live        ${sum((result) => result.frames)} frames, ${gaps} gaps, ${sum((result) => result.hints)} hints, ${sum((result) => result.socketsLost)} sockets lost
the log     ${sum((result) => result.records)} records, ${lost} lost, ${doubled} doubled, ${failures.length} pushes failed, ${sum((result) => result.resent)} requests sent again
memory      ${megabytes(start.memory.used)} used at the start, ${megabytes(end.memory.used)} at the end (both after a collection); ${megabytes(start.memory.rss)} and ${megabytes(end.memory.rss)} resident, ${megabytes(slope * 60)} a minute in the second half
processor   ${(cpu * 100).toFixed(0)} % of one
server      ${end.failures} failures reported, ${end.uncaught.length} uncaught`);
for (const finding of [...failures.slice(0, 5), ...end.firstFailures.slice(0, 5), ...end.uncaught.slice(0, 5)])
  console.log(finding);
let silentIsBounded = true;
if (!values["no-silent"] && !postgres) {
  const silent = await measureSilentSockets({ sockets: 40, megabytes: 60 });
  silentIsBounded = silent.bytesEach <= 2 * 1024 * 1024;
  console.log(
    `silent      a socket that never reads costs ${megabytes(silent.bytesEach)} (${silent.sockets} of them, half pinging, ${silent.sentMegabytes} MiB sent to their log)`,
  );
}
console.log(`\n${answerMs.length} pushes, p99 ${at(answerMs, 0.99)} ms, ${lost} lost, ${doubled} doubled`);
process.exit(lost + doubled + gaps + failures.length + end.uncaught.length > 0 || !silentIsBounded ? 1 : 0);

function at(sorted: readonly number[], share: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
}

/** Bytes a second, by least squares. */
function slopeOf(points: typeof samples): number {
  const mean = (of: (point: (typeof points)[number]) => number) =>
    points.reduce((total, point) => total + of(point), 0) / Math.max(1, points.length);
  const [x, y] = [mean(({ second }) => second), mean(({ rss }) => rss)];
  const spread = points.reduce((total, { second }) => total + (second - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((total, { second, rss }) => total + (second - x) * (rss - y), 0) / spread;
}
