// `npm run kill -- --rounds 1000`: kills a real server under eight writers. The last line is "N rounds, N lost, N
// doubled". With `--store postgres` there are three nodes on a Postgres that it starts itself.
import { parseArgs } from "node:util";
import { runKills } from "../test/kill/run-kills.ts";
import { startOwnPostgres } from "../test/support/postgres-cluster.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "200" },
    store: { type: "string", default: "sqlite" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const postgres = values.store === "postgres" ? await startOwnPostgres() : undefined;
const { rounds, lost, doubled, acknowledged, records, seconds } = await runKills({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  ...(postgres && { postgres }),
  progress: console.log,
}).finally(() => postgres?.stop());
for (const finding of [...lost, ...doubled].slice(0, 50)) console.log(finding);
console.log(
  `\n${acknowledged} commits acknowledged, ${records} records in the log, seed ${values.seed}, ${seconds.toFixed(1)} s`,
);
console.log(`${rounds} rounds, ${lost.length} lost, ${doubled.length} doubled`);
process.exit(lost.length + doubled.length > 0 ? 1 : 0);
