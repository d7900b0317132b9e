// A sync server in a process of its own: SQLite in a file, as `serve` is used. Tells its address to the program that forked it.
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { domain } from "./domain.ts";

const [path = ":memory:", origin = ""] = process.argv.slice(2);

/** A workload is a thousand well-behaved devices in one: what bounds a single one would measure itself. */
const unbounded = { perSecond: 1e9, burst: 1e9 };

const { url } = await serve({
  domain,
  store: sqlite(path),
  // The token is the name of its actor.
  authorize: (request) => {
    const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return actor === undefined ? null : { actor };
  },
  port: 0,
  hostname: "127.0.0.1",
  origins: origin === "" ? [] : [origin],
  limits: { requestRate: unbounded, commitRate: unbounded },
});
process.send?.(url);
