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
import { alternate, comparePairs, measured, type Pairs, type Sample } from "./support/pairs.ts";
import { printTable, writeResult } from "./support/results.ts";
import { withRowsAlone } from "./support/rows-alone.ts";
import { median, quantile, rounded } from "./support/stats.ts";

const ROUNDS = 3;
const EVENTS = Number(process.env["EVENTS"] ?? 100_000);
/** A log for the memory of a rebuild beside that of the large one. */
const FEW_EVENTS = EVENTS / 5;
/** Pairs of turns without and with models. */
const PAIRS = Number(process.env["PAIRS"] ?? 15);
/** Commits of a turn. A large group needs more of them to take as long. */
const commitsOf = (together: number): number => Math.min(2_000, 100 * together);
const PAUSE_MS = 5;
const BESIDE_MS = 4_000;
const models = [board, columnCounts];
const sets: readonly (readonly [name: string, models: readonly ServerModel[]])[] = [
  ["1 model", [board]],
  ["2 models", models],
  ["1 strong model", [strong(board)]],
];

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

/** A server in turns: commits of its own code, `together` at a time, until its rows have them. */
function committing(models: readonly ServerModel[], together: number, store = sqlite(newFile())) {
  const server = open(store, { models });
  const log = server.log("bench");
  let made = 0;
  const run = async (): Promise<void> => {
    for (const end = made + commitsOf(together); made < end; made += together)
      await Promise.all(Array.from({ length: together }, (_, k) => log.execute(addTask(`t${made + k}`, made + k))));
  };
  const turn = () => ({ count: commitsOf(together), run, settle: () => untilReady(server) });
  return { turn, close: () => server.close() };
}

/** Commits with models, beside those of a server without models. */
async function commits(models: readonly ServerModel[], together: number, store = sqlite(newFile())): Promise<Pairs> {
  const [none, own] = [committing([], together), committing(models, together, store)];
  const pairs = await alternate(PAIRS, none.turn, own.turn);
  await none.close();
  await own.close();
  return pairs;
}

/** Events until the rows of a model have reached the head. */
async function rebuild(store: EventStore, events: number): Promise<Sample> {
  const server = open(store, { models: [board] });
  const sample = await measured({ count: events, run: () => untilReady(server) });
  await server.close();
  return sample;
}

/** The same fold of the same log into rows in memory. */
async function foldInMemory(file: string): Promise<Sample> {
  const server = open(sqlite(file), { models: [board] });
  const { models } = server.log("bench");
  // Purged rows do not follow the log, so that no keeper builds them meanwhile.
  await models.purge(board);
  const sample = await measured({
    count: EVENTS,
    run: async () => void (await models.replayIntoScratch(board)),
  });
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
  const rows: (Pairs & { readonly together: number; readonly models: string })[] = [];
  for (const together of [1, 10, 100]) {
    for (const [name, models] of sets) rows.push({ together, models: name, ...(await commits(models, together)) });
    // The statements of a strong model, through the store, without the code of a model. A guide for what can be had.
    const alone = await commits([], together, withRowsAlone(sqlite(newFile())));
    rows.push({ together, models: "rows alone", ...alone });
  }
  return rows;
}

async function rebuildRows(file: string) {
  const found = { memory: [] as Sample[], sqlite: [] as Sample[], emmett: [] as Sample[] };
  for (let round = 0; round < ROUNDS; round++) {
    const [copy, other] = [newFile(), newFile()];
    await copyFile(file, copy);
    await copyFile(file, other);
    found.memory.push(await foldInMemory(other));
    found.sqlite.push(await rebuild(sqlite(copy), EVENTS));
    const run = await emmettRebuild(newFile(), FEW_EVENTS);
    if (run) found.emmett.push(await measured({ count: FEW_EVENTS, run }));
  }
  return Object.entries(found).flatMap(([name, samples]) => {
    const pairs = samples.flatMap((own, n) => found.memory.slice(n, n + 1).map((other) => ({ own, other })));
    return pairs.length > 0 ? [{ name, ...comparePairs(pairs) }] : [];
  });
}

/** The most megabytes of the heap while a model is built from a log, after a collection. */
async function heapOfRebuild(events: number): Promise<number> {
  const file = newFile();
  await fillLog(file, "bench", events);
  return rounded(await heapWhile(async () => void (await rebuild(sqlite(file), events))), 1);
}

const shares = ({ share, cpuShare, cpuQuarters: [low, high] }: Pairs) => [share, cpuShare, `${low} to ${high}`];
const rows = await commitRows();
printTable(
  [`${PAIRS} pairs of turns`, "commits/s", "% of no models", "% by CPU", "quarters"],
  rows.map((row) => [`${row.together} at a time, ${row.models}`, row.rate, ...shares(row)]),
);

const file = newFile();
await fillLog(file, "bench", EVENTS);
const rebuilds = await rebuildRows(file);
console.log("");
printTable(
  [`rebuild of ${EVENTS} events`, "events/s", "% of memory", "% by CPU", "quarters"],
  rebuilds.map((row) => [row.name, row.rate, ...shares(row)]),
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
