/** The demo's sync server with the next release of the domain. */
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { domain } from "./next-board.ts";

const running = await serve({
  domain,
  store: sqlite(process.env["BOARD_DB"] ?? ":memory:"),
  authorize: (request) => {
    const [, name] = /^Bearer demo:(.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return name === undefined ? null : { actor: decodeURIComponent(name) };
  },
  port: Number(process.env["PORT"] ?? 0),
  hostname: process.env["HOST"] ?? "localhost",
});
console.log(`listening on ${running.url}`);
process.once("SIGTERM", () => void running.close().then(() => process.exit(0)));
