// `npm run bench -- server`: pushes to one and to three nodes on one Postgres that waits for its disk, beside bare
// inserts of the same rows in one pipelined transaction for each log.
// The devices use the three nodes in turn, so several nodes write one log.
import { startPostgres } from "../test/support/postgres-cluster.ts";
import { barePostgres } from "./support/bare-postgres.ts";
import { compare, decideFloor, httpFloor, printRows } from "./support/compare.ts";
import { pushLoad } from "./support/http-load.ts";
import { chosenLoads } from "./support/loads.ts";
import { writeResult } from "./support/results.ts";
import { startServer } from "./support/server.ts";

const cluster = await startPostgres({ isDurable: true });
await cluster.query("create database bare");
const bare = await barePostgres(cluster.url.replace(/postgres$/, "bare"));
try {
  const node = () => startServer({ kind: "postgres", address: cluster.url });
  await using first = await node();
  await using second = await node();
  await using third = await node();
  await using decide = await startServer({ kind: "decide" });
  await using floor = await startServer({ kind: "floor" });
  const three = [first.url, second.url, third.url];
  const rows = await compare(
    [
      { name: "bare inserts", run: (load, _, ms) => bare.run(load, ms) },
      {
        name: "one node",
        run: (load, name, ms) => pushLoad([first.url], load, `one-${name}`, { ms }),
        usage: first.usage,
      },
      { name: "three nodes", run: (load, name, ms) => pushLoad(three, load, `three-${name}`, { ms }) },
      decideFloor(decide),
      httpFloor(floor),
    ],
    chosenLoads(),
    { rounds: 3, ms: 1_500, warmMs: 700 },
  );
  printRows(rows);
  writeResult("server-postgres", { rows });
} finally {
  await bare.close();
  await cluster.stop();
}
