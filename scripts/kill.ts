// `npm run kill -- --rounds 1000`: kills a real server under eight writers. The last line is "N rounds, N lost, N
// doubled". With `--store postgres` there are three nodes on a Postgres that it starts itself. With `--followers` it
// kills a server that rebuilds models, follows its log and runs handlers and processes.
import { parseArgs } from "node:util";
import { runFollowerKills } from "../test/kill/run-follower-kills.ts";
import { runKills } from "../test/kill/run-kills.ts";
import { startOwnPostgres } from "../test/support/postgres-cluster.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "200" },
    store: { type: "string", default: "sqlite" },
    followers: { type: "boolean", default: false },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
if (values.followers) process.exit(await killFollowers());
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

/** Returns the exit code. */
async function killFollowers(): Promise<number> {
  const found = await runFollowerKills({
    rounds: Number(values.rounds),
    seed: Number(values.seed),
    progress: console.log,
  });
  for (const finding of [...found.wrong, ...found.doubled].slice(0, 50)) console.log(finding);
  console.log(`\n${found.events} events, ${found.rebuilt} rebuilds ended, seed ${values.seed}`);
  console.log(
    `the server killed ${found.rounds} times while it rebuilds, follows and runs processes: ` +
      `${found.wrong.length} rows wrong, ${found.doubled.length} effects doubled`,
  );
  return found.wrong.length + found.doubled.length > 0 ? 1 : 0;
}
