// The board's sync server: one SQLite file, and an `authorize` for the demo only.
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { believeTheName } from "./authorize.ts";
import { domain } from "./domain.ts";

const running = await serve({
  domain,
  store: sqlite(process.env["BOARD_DB"] ?? ".data/board.db"),
  authorize: believeTheName,
  port: Number(process.env["PORT"] ?? 8787),
  // It answers only this machine, because it trusts every name.
  hostname: process.env["HOST"] ?? "localhost",
});
console.log(`listening on ${running.url}`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => void running.close().then(() => process.exit(0)));
}
