// The board's sync server: one SQLite file, and an `authorize` for the demo only.
import { DacapoError } from "dacapo";
import { type RunningServer, serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { believeTheName } from "./authorize.ts";
import { domain } from "./domain.ts";

const running = await start().catch((error: unknown) => {
  // One sentence is enough for a known error, such as a taken port. Any other error needs its stack.
  if (!(error instanceof DacapoError)) throw error;
  console.error(`${error.message}. ${error.fix}`);
  return process.exit(1);
});
console.log(`listening on ${running.url}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void running.close().then(() => process.exit(0)));
}

async function start(): Promise<RunningServer> {
  // An empty variable counts as not set, because the server would otherwise answer all machines.
  const { BOARD_DB, PORT, HOST } = process.env;
  return serve({
    domain,
    store: sqlite(BOARD_DB || ".data/board.db"),
    authorize: believeTheName,
    port: Number(PORT || 8787),
    // It answers only this machine, because it trusts every name.
    hostname: HOST || "localhost",
  });
}
