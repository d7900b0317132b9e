// `npm run bench -- models`: read models on SQLite in a file, side by side in one run. Commits with and without models,
// commits beside a rebuild, and rebuilds beside the same fold in memory and beside Emmett's projections.
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sqlite } from "dacapo/sqlite";
import {
  bearer,
  type EventStore,
  type ServerModel,
  strong,
  syncServer,
  type SyncServerOptions,
} from "dacapo/sync-server";
import { addTask, board, columnCounts, domain } from "./support/domain.ts";
import { EMMETT_HOW, emmettRebuild } from "./support/emmett-rebuild.ts";
import { fillLog } from "./support/fill-log.ts";
import { heapWhile } from "./support/heap.ts";
import { printTable, writeResult } from "./support/results.ts";
import { median, quantile, rounded } from "./support/stats.ts";

const ROUNDS = 3;
const EVENTS = Number(process.env["EVENTS"] ?? 100_000);
/** A log for the memory of a rebuild beside that of the large one. */
const FEW_EVENTS = EVENTS / 5;
/** Commits of a run. A large group needs more of them to take as long. */
const commitsOf = (together: number): number => Math.min(6_000, 400 * together);
const PAUSE_MS = 5;
const BESIDE_MS = 4_000;
const models = [board, columnCounts];
const sets: readonly (readonly [name: string, models: readonly ServerModel[]])[] = [
  ["no model", []],
  ["1 model", [board]],
  ["2 models", models],
  ["1 strong model", [strong(board)]],
];

type Sample = { readonly rate: number; readonly cpuMs: number };

const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-models-"));
let files = 0;
const newFile = (): string => join(folder, `${++files}.db`);
const open = (store: EventStore, options: Partial<SyncServerOptions> = {}) =>
  syncServer({
    domain,
    store,
    authorize: bearer({ tokens: { secret: "ada" } }),
    onError: (error) => console.error(error),
    ...options,
  });

/** The rate of `count` things, and the processor time of each. */
async function measured(count: number, run: () => Promise<void>): Promise<Sample> {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  await run();
  const { user, system } = process.cpuUsage(cpu);
  return { rate: (count * 1_000) / (performance.now() - started), cpuMs: (user + system) / 1_000 / count };
}

/** Commits of the server's own code, `together` at a time. */
async function commits(kept: readonly ServerModel[], together: number): Promise<Sample> {
  const server = open(sqlite(newFile()), { models: kept });
  const log = server.log("bench");
  const count = commitsOf(together);
  const sample = await measured(count, async () => {
    for (let n = 0; n < count; n += together)
      await Promise.all(Array.from({ length: together }, (_, k) => log.execute(addTask(`t${n + k}`, n + k))));
  });
  await server.close();
  return sample;
}

/** Events until the rows of a model have reached the head. */
async function rebuild(store: EventStore, events: number): Promise<Sample> {
  const server = open(store, { models: [board] });
  const sample = await measured(events, () => untilReady(server));
  await server.close();
  return sample;
}

/** The same fold of the same log into rows in memory. */
async function foldInMemory(file: string): Promise<Sample> {
  const server = open(sqlite(file), { models: [board] });
  const { models } = server.log("bench");
  // Purged rows do not follow the log, so that no keeper builds them meanwhile.
  await models.purge(board);
  const sample = await measured(EVENTS, async () => void (await models.replayIntoScratch(board)));
  await server.close();
  return sample;
}

/** Waits longer than a reader may. */
async function untilReady(server: ReturnType<typeof open>): Promise<void> {
  while ((await server.log("bench").models.list()).some(({ behind }) => behind > 0)) await pause(20);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Milliseconds of commits, one after the other, for a time. */
async function timesOf(log: ReturnType<ReturnType<typeof open>["log"]>, name: string): Promise<readonly number[]> {
  const times: number[] = [];
  const until = performance.now() + BESIDE_MS;
  for (let n = 0; performance.now() < until; n++) {
    const started = performance.now();
    await log.execute(addTask(`${name}-${n}`, n));
    times.push(performance.now() - started);
    await pause(PAUSE_MS);
  }
  return times;
}

/** The p99 of commits, in milliseconds: alone, and beside a rebuild of the whole log. */
async function besideRebuild(file: string): Promise<{ readonly alone: number; readonly beside: number }> {
  const server = open(sqlite(file), { models });
  const log = server.log("bench");
  await untilReady(server);
  const alone = await timesOf(log, "alone");
  const job = await log.models.rebuild(board);
  const beside = await timesOf(log, "beside");
  await job.cancel();
  await server.close();
  return { alone: quantile(alone, 0.99), beside: quantile(beside, 0.99) };
}

async function commitRows() {
  const found = [1, 10, 100].flatMap((together) =>
    sets.map(([name, kept]) => ({ together, name, kept, samples: [] as Sample[] })),
  );
  for (let round = -1; round < ROUNDS; round++) {
    for (const { together, kept, samples } of found) {
      const sample = await commits(kept, together);
      if (round >= 0) samples.push(sample);
    }
  }
  return found.map(({ together, name, samples }) => {
    const none = found.find((one) => one.together === together && one.kept.length === 0)?.samples ?? [];
    const rate = Math.round(median(samples.map((sample) => sample.rate)));
    return { together, models: name, commitsPerSecond: rate, ...sharesOf(samples, none) };
  });
}

/** Percent of the rate without models or in memory, and the same by processor time. Medians of the rounds. */
function sharesOf(samples: readonly Sample[], others: readonly Sample[]) {
  const ratios = (ratio: (sample: Sample, other: Sample) => number): number =>
    Math.round(median(samples.flatMap((sample, n) => (others[n] ? [ratio(sample, others[n])] : []))) * 100);
  return {
    share: ratios((sample, other) => sample.rate / other.rate),
    cpuShare: ratios((sample, other) => other.cpuMs / sample.cpuMs),
  };
}

async function rebuildRows(file: string) {
  const found = { memory: [] as Sample[], sqlite: [] as Sample[], emmett: [] as Sample[] };
  for (let round = 0; round < ROUNDS; round++) {
    const [copy, other] = [newFile(), newFile()];
    await copyFile(file, copy);
    await copyFile(file, other);
    found.memory.push(await foldInMemory(other));
    found.sqlite.push(await rebuild(sqlite(copy), EVENTS));
    const emmett = await emmettRebuild(newFile(), FEW_EVENTS);
    if (emmett) found.emmett.push(await measured(FEW_EVENTS, emmett));
  }
  return Object.entries(found).flatMap(([name, samples]) => {
    if (samples.length === 0) return [];
    const rate = Math.round(median(samples.map((sample) => sample.rate)));
    return [{ name, eventsPerSecond: rate, ...sharesOf(samples, found.memory) }];
  });
}

/** The most megabytes of the heap while a model is built from a log, after a collection. */
async function heapOfRebuild(events: number): Promise<number> {
  const file = newFile();
  await fillLog(file, "bench", events);
  return rounded(await heapWhile(async () => void (await rebuild(sqlite(file), events))), 1);
}

const rows = await commitRows();
printTable(
  ["", "commits/s", "% of no models", "% by CPU"],
  rows.map(({ together, models: name, commitsPerSecond, share, cpuShare }) => [
    `${together} at a time, ${name}`,
    commitsPerSecond,
    share,
    cpuShare,
  ]),
);

const file = newFile();
await fillLog(file, "bench", EVENTS);
const rebuilds = await rebuildRows(file);
console.log("");
printTable(
  [`rebuild of ${EVENTS} events`, "events/s", "% of memory", "% by CPU"],
  rebuilds.map(({ name, eventsPerSecond, share, cpuShare }) => [name, eventsPerSecond, share, cpuShare]),
);
if (rebuilds.every(({ name }) => name !== "emmett")) console.log(EMMETT_HOW);

const p99s: { readonly alone: number; readonly beside: number }[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const copy = newFile();
  await copyFile(file, copy);
  p99s.push(await besideRebuild(copy));
}
const alone = rounded(median(p99s.map((one) => one.alone)), 1);
const beside = rounded(median(p99s.map((one) => one.beside)), 1);
console.log(`\np99 of commits: ${alone} ms, beside a rebuild ${beside} ms`);

const heap = { few: await heapOfRebuild(FEW_EVENTS), all: await heapOfRebuild(EVENTS) };
console.log(`heap of a rebuild: ${heap.few} MB for ${FEW_EVENTS} events, ${heap.all} MB for ${EVENTS}`);
writeResult("read-models", { rows, rebuilds, p99: { alone, beside }, heap });
await rm(folder, { recursive: true });
