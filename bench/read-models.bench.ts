// `npm run bench -- read-models`: read models on SQLite in a file, side by side in one run. First commits without
// models, with models, and with a strong model. Then the rebuild of two models from a log, beside one in memory.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { memory } from "dacapo/memory";
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
import { fillLog } from "./support/fill-log.ts";
import { printTable, writeResult } from "./support/results.ts";
import { median, rounded } from "./support/stats.ts";

const ROUNDS = 5;
/** Commits of a run. A large group needs more of them to take as long. */
const commitsOf = (together: number): number => Math.min(3_000, 200 * together);
const EVENTS = 20_000;
const models = [board, columnCounts];
const sets: readonly (readonly [name: string, models: readonly ServerModel[]])[] = [
  ["no model", []],
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

/** Commits per second of the server's own code, `together` at a time. */
async function commitRate(kept: readonly ServerModel[], together: number): Promise<number> {
  const server = open(sqlite(newFile()), { models: kept });
  const log = server.log("bench");
  const started = performance.now();
  const count = commitsOf(together);
  for (let n = 0; n < count; n += together)
    await Promise.all(Array.from({ length: together }, (_, k) => log.execute(addTask(`t${n + k}`, n + k))));
  const rate = (count * 1000) / (performance.now() - started);
  await server.close();
  return rate;
}

/** Events per second until the rows of both models have reached the head. */
async function rebuildRate(store: EventStore): Promise<number> {
  const started = performance.now();
  const server = open(store, { models });
  const log = server.log("bench");
  for (const model of models) await log.rows(model, { limit: 1, waitMs: 30_000 });
  const rate = (EVENTS * 1000) / (performance.now() - started);
  await server.close();
  return rate;
}

async function inMemory(file: string): Promise<EventStore> {
  const [from, to] = [sqlite(file), memory()];
  const page = await from.read("bench", null, { events: EVENTS, bytes: 1_000_000_000 });
  if (page.kind !== "page") throw new Error("The log has no records");
  const rest = { outcomes: [], forgetOutcomesBefore: 0, outcomesPerActorMax: 1 };
  await to.append("bench", { expected: null, records: page.records, ...rest });
  await from.close();
  return to;
}

const commits: { together: number; name: string; kept: readonly ServerModel[]; rates: number[] }[] = [
  1, 10, 100,
].flatMap((together) => sets.map(([name, kept]) => ({ together, name, kept, rates: [] })));
for (let round = -1; round < ROUNDS; round++) {
  for (const { together, kept, rates } of commits) {
    const rate = await commitRate(kept, together);
    if (round >= 0) rates.push(rate);
  }
}
const rebuilds = { sqlite: [] as number[], memory: [] as number[] };
for (let round = 0; round < ROUNDS; round++) {
  const file = newFile();
  await fillLog(file, "bench", EVENTS);
  rebuilds.memory.push(await rebuildRate(await inMemory(file)));
  rebuilds.sqlite.push(await rebuildRate(sqlite(file)));
}

const rows = commits.map(({ together, name, rates }) => {
  const none = commits.find((one) => one.together === together && one.kept.length === 0)?.rates ?? [];
  const share = Math.round((median(rates) / median(none)) * 100);
  return { together, models: name, commitsPerSecond: Math.round(median(rates)), share };
});
printTable(
  ["", "commits/s", "% of no models"],
  rows.map(({ together, models: name, commitsPerSecond, share }) => [
    `${together} at a time, ${name}`,
    commitsPerSecond,
    share,
  ]),
);
const share = rounded(median(rebuilds.sqlite) / median(rebuilds.memory));
console.log(
  `\nrebuild of ${EVENTS} events: ${Math.round(median(rebuilds.sqlite))} events/s, ${share} of the rate in memory`,
);
writeResult("read-models", { rows, rebuild: { eventsPerSecond: Math.round(median(rebuilds.sqlite)), share } });
await rm(folder, { recursive: true });
