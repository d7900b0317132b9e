// The board's sync server for a container: one SQLite file in a volume, or many nodes on one Postgres.
import { DacapoError } from "dacapo";
import { jsonLines, type RunningServer, serve } from "dacapo/node";
import { postgres } from "dacapo/postgres";
import { sqlite } from "dacapo/sqlite";
// DEMO ONLY: it trusts every name. Replace it by `jwt` or by your own check before other people reach the server.
import { believeTheName } from "../board/authorize.ts";
import { domain } from "../board/domain.ts";

const running = await start().catch((error: unknown) => {
  if (!(error instanceof DacapoError)) throw error;
  console.error(`${error.message}. ${error.fix}`);
  return process.exit(1);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void running.close().then(() => process.exit(0)));
}

async function start(): Promise<RunningServer> {
  // An empty variable counts as not set, because compose passes a variable without a value as an empty text.
  const { DATABASE_URL, SQLITE_FILE, HOST, PORT, ORIGINS, TICKET_SECRET } = process.env;
  return serve({
    domain,
    store: DATABASE_URL ? postgres({ url: DATABASE_URL }) : sqlite(SQLITE_FILE || "/data/logs.db"),
    authorize: believeTheName,
    port: Number(PORT || 8787),
    onLog: jsonLines(process.stdout),
    ...(HOST && { hostname: HOST }),
    ...(ORIGINS && { origins: ORIGINS.split(",") }),
    ...(TICKET_SECRET && { ticketSecret: TICKET_SECRET }),
  });
}
