// `npm run bench -- server`: pushes to Durable Objects in bare `workerd serve`, beside bare inserts of the same rows in
// an object, and beside an object that only reads and writes the same HTTP and JSON.
import { compare, printRows } from "./support/compare.ts";
import { pushLoad } from "./support/http-load.ts";
import { chosenLoads } from "./support/loads.ts";
import { bareObjects } from "./support/object/bare.ts";
import { startWorkerd } from "./support/object/workerd.ts";
import { writeResult } from "./support/results.ts";

await using server = await startWorkerd();
const { url, usage } = server;
const rows = await compare(
  [
    { name: "bare inserts", run: (load, name, ms) => bareObjects(url, load, name, ms), usage },
    { name: "Dacapo", run: (load, name, ms) => pushLoad([`${url}/sync`], load, name, { ms }), usage },
    { name: "only HTTP and JSON", run: (load, name, ms) => pushLoad([`${url}/floor`], load, name, { ms }), usage },
  ],
  chosenLoads(),
  { rounds: 3, ms: 1_500, warmMs: 700 },
);
printRows(rows);
writeResult("server-object", { rows });
