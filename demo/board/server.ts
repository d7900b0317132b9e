// The board's sync server: one SQLite file, and an `authorize` for the demo only.
import { DacapoError } from "dacapo";
import { type Authorize, type RunningServer, serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { domain } from "./domain.ts";

const NAME_LENGTH_MAX = 64;

/** DEMO ONLY: it trusts every name. In your own app, check a session or a signed token here. */
const believeTheName: Authorize = (request) => {
  const [, written] =
    /^Bearer demo:([A-Za-z0-9._~!*'()%-]{1,600})$/.exec(request.headers.get("authorization") ?? "") ?? [];
  const name = decoded(written ?? "");
  return name.length > 0 && name.length <= NAME_LENGTH_MAX ? { actor: name } : null;
};

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

function decoded(text: string): string {
  try {
    return decodeURIComponent(text).trim();
  } catch {
    return "";
  }
}
