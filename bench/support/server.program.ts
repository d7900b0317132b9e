// A sync server in its own process, like `serve`. It sends its address to the parent process, and answers each message
// with the processor time and the memory that it used.
import { createServer } from "node:http";
import { type AddressInfo } from "node:net";
import { serve } from "dacapo/node";
import { postgres } from "dacapo/postgres";
import { sqlite } from "dacapo/sqlite";
import { WebSocketServer } from "ws";
import { domain } from "./domain.ts";
import { storeOfNothing } from "./store-of-nothing.ts";

const [kind = "sqlite", place = ":memory:", origin = "", base = "0"] = process.argv.slice(2);

/**
 * No rates, because a workload acts as a thousand devices, and the limits of one device would distort the measurement.
 */
const unbounded = { perSecond: 1e9, burst: 1e9 };

const url = kind === "floor" ? await serveFloor() : await serveLogs();
process.on("message", (message) => {
  if (message === "exit") process.exit();
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMs: (user + system) / 1000, rssBytes: process.memoryUsage.rss() });
});
process.send?.(url);

async function serveLogs(): Promise<string> {
  const { url } = await serve({
    domain,
    store: kind === "postgres" ? postgres(place) : kind === "decide" ? storeOfNothing() : sqlite(place),
    // The token is the name of its actor.
    authorize: (request) => {
      const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
      return actor === undefined ? null : { actor };
    },
    ...(base !== "0" && { base: { everyEvents: Number(base) } }),
    port: 0,
    hostname: "127.0.0.1",
    origins: origin === "" ? [] : [origin],
    limits: { requestRate: unbounded, commitRate: unbounded, socketsPerActorMax: 20_000 },
  });
  return url;
}

/**
 * The floor: it reads the body, parses it as JSON, writes it as JSON once, and answers. It checks, decides and stores
 * nothing.
 */
async function serveFloor(): Promise<string> {
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on("data", (piece: Buffer) => pieces.push(piece));
    request.on("end", () => {
      const body: unknown = JSON.parse(Buffer.concat(pieces).toString());
      const stored = JSON.stringify(body);
      const text = `{"outcomes":[{"at":"1-0"}],"records":[${request.url?.includes("one-") ? stored : ""}],"more":false}`;
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
      response.end(text);
    });
  });
  new WebSocketServer({ server, perMessageDeflate: false });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address: AddressInfo | string | null = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/sync`;
}
