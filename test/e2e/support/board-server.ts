/** A sync server as a process of its own, so that it can be killed: `node board-server.ts FILE PORT ORIGIN`. */
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { domain } from "../../support/board-domain.ts";

const [, , file = "logs.db", port = "0", origin = ""] = process.argv;
const authorize = (request: Request) => {
  const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
  return actor === undefined ? null : { actor };
};
const { url } = await serve({
  domain,
  store: sqlite(file),
  authorize,
  port: Number(port),
  hostname: "127.0.0.1",
  origins: [origin],
});
console.log(`listening on ${url}`);
