// `npm run test:postgres`: all tests of the Postgres store, on a real Postgres that they start themselves.
import { run, tool } from "./programs.ts";
import { ensurePostgres, howToGetPostgres } from "./postgres.ts";

const tests = [
  "test/conformance/event-store.postgres.test.ts",
  "test/conformance/event-store.postgres-faults.test.ts",
  "test/unit/sync-server/stores/postgres.failures.test.ts",
  "test/unit/sync-server/live/live.postgres-nodes.test.ts",
  "test/e2e/kill.postgres.test.ts",
];

if (!(await ensurePostgres())) {
  console.error(howToGetPostgres);
  process.exit(1);
}
process.exit(await run(tool("vitest/vitest.mjs", "run", "--project", "unit", "--project", "e2e", ...tests)));
