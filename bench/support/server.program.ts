// A sync server in its own process, with SQLite in a file, like `serve`. It sends its address to the parent process.
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { domain } from "./domain.ts";

const [path = ":memory:", origin = ""] = process.argv.slice(2);

/**
 * No rates, because a workload acts as a thousand devices, and the limits of one device would distort the measurement.
 */
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
