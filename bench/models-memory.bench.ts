// Part of `npm run bench -- models`: the memory of a process that builds five read models from a long log on SQLite.
// It runs with a small heap, so that memory that grows with the log ends it.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { projection } from "dacapo";
import { sqlite } from "dacapo/sqlite";
import { bearer, syncServer } from "dacapo/sync-server";
import { board, columnCounts, domain, task } from "./support/domain.ts";
import { fillLog } from "./support/fill-log.ts";
import { heapNow } from "./support/heap.ts";
import { printTable, writeResult } from "./support/results.ts";
import { rounded } from "./support/stats.ts";

const EVENTS = Number(process.env["EVENTS"] ?? 200_000);
const HEAP_MB = 128;
const PARTS = 4;
const POLL_MS = 20;

const titles = projection("titles", {
  version: 1,
  from: [task],
  initial: null as string | null,
  on: { TaskAdded: (_, { data }) => data.title },
});
const perColumn = projection("tasks-by-column", {
  version: 1,
  from: [task],
  initial: null as { readonly title: string } | null,
  key: ({ stream }, { after }) => after && `${after.column}/${stream}`,
  on: { TaskAdded: (_, { data }) => ({ title: data.title }) },
});
const total = projection("total", {
  version: 1,
  from: [task],
  initial: 0,
  key: () => "all",
  on: { TaskAdded: (count) => count + 1 },
});

async function build(file: string): Promise<void> {
  const server = syncServer({
    domain,
    store: sqlite(file),
    authorize: bearer({ tokens: { secret: "ada" } }),
    models: [board, columnCounts, titles, perColumn, total],
  });
  const { models } = server.log("bench");
  const rows: number[][] = [];
  for (let next = 1; next <= PARTS;) {
    const behind = Math.max(...(await models.list()).map((model) => model.behind));
    const done = EVENTS - behind;
    if (done >= (EVENTS * next) / PARTS) {
      rows.push([done, rounded(heapNow(), 1), rounded(process.memoryUsage().rss / 1_000_000, 0)]);
      next = Math.floor((done * PARTS) / EVENTS) + 1;
    } else await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  await server.close();
  printTable([`five models, at most ${HEAP_MB} MB of old heap: events`, "heap MB", "RSS MB"], rows);
  writeResult("models-memory", { events: EVENTS, rows });
}

const [, , given] = process.argv;
if (given !== undefined) await build(given);
else {
  const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-memory-"));
  const file = join(folder, "log.db");
  await fillLog(file, "bench", EVENTS);
  const flags = ["--conditions=dacapo-source", `--max-old-space-size=${HEAP_MB}`];
  const { status } = spawnSync(process.execPath, [...flags, fileURLToPath(import.meta.url), file], {
    stdio: "inherit",
  });
  await rm(folder, { recursive: true });
  process.exitCode = status ?? 1;
}
