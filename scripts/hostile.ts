// `npm run hostile -- --inputs 10000`: hostile inputs against a real server. The last line is "N inputs, N server
// errors, N crashes".
import { parseArgs } from "node:util";
import { runHostile } from "../test/hostile/run-hostile.ts";

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
  },
});
const { inputs, serverErrors, crashes, findings, statuses, grownBytes, records } = await runHostile({
  inputs: Number(values.inputs),
  seed: Number(values.seed),
  progress: console.log,
});
for (const [what, count] of [...statuses].sort(([a], [b]) => (a < b ? -1 : 1)))
  console.log(`${String(count).padStart(6)}  ${what}`);
for (const finding of [...serverErrors, ...crashes, ...findings].slice(0, 50)) console.log(finding);
console.log(
  `\n${records} records in the log, memory grew by ${(grownBytes / 1024 / 1024).toFixed(1)} MiB, ${findings.length} other findings, seed ${values.seed}`,
);
console.log(`${inputs} inputs, ${serverErrors.length} server errors, ${crashes.length} crashes`);
process.exit(serverErrors.length + crashes.length + findings.length > 0 ? 1 : 0);
