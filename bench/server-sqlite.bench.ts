// `npm run bench -- server`: durable pushes to a server on SQLite in a file (write-ahead log, `synchronous=FULL`),
// beside bare inserts of the same rows, and beside two floors: the same server with a store that keeps nothing, and a
// server that only reads and writes the same HTTP and JSON.
// `BENCH_LOADS=1-1-100` selects one load: clients, logs and events. `BENCH_BEFORE=<checkout>` also runs the server of
// another checkout.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bareSqlite } from "./support/bare-sqlite.ts";
import { compare, decideFloor, httpFloor, printRows } from "./support/compare.ts";
import { type Load, pushLoad } from "./support/http-load.ts";
import { chosenLoads } from "./support/loads.ts";
import { writeResult } from "./support/results.ts";
import { startServer } from "./support/server.ts";

const folder = await mkdtemp(join(tmpdir(), "dacapo-bench-bare-"));
const bare = await bareSqlite(join(folder, "bare.db"));
await using server = await startServer();
await using decide = await startServer({ kind: "decide" });
await using floor = await startServer({ kind: "floor" });
const checkout = process.env["BENCH_BEFORE"];
await using before = checkout ? await startServer({ checkout }) : null;

const rows = await compare(
  [
    { name: "bare inserts", run: (load, _, ms) => bare(load, ms) },
    { name: "Dacapo", run: (load, name, ms) => pushLoad([server.url], load, name, { ms }), usage: server.usage },
    decideFloor(decide),
    httpFloor(floor),
    ...(before
      ? [
          {
            name: "Dacapo before",
            run: (load: Load, name: string, ms: number) => pushLoad([before.url], load, name, { ms }),
            usage: before.usage,
          },
        ]
      : []),
  ],
  chosenLoads(),
  { rounds: 5, ms: 1_000, warmMs: 700 },
);
printRows(rows);
writeResult("server-sqlite", { rows });
await rm(folder, { recursive: true });
