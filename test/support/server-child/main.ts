/**
 * A sync server on SQLite or Postgres in a child process. It loads and reports "ready". It serves when its parent
 * requests it.
 *
 * Loading takes most of a start, so a loaded child can replace a killed one at once. The bearer token is the actor's
 * name.
 */
import { flushCompileCache } from "node:module";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { serve } from "dacapo/node";
import { sqlite } from "dacapo/sqlite";
import { board, columnCounts, domain } from "../board-domain.ts";
import { invoices, ordersDomain } from "../invoices-domain.ts";
import type { ChildMessage, ParentMessage, ServerReport, StoreAddress } from "./messages.ts";

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();
const uncaught: string[] = [];
const failures: string[] = [];
let failureCount = 0;

process.on("uncaughtException", (error) => uncaught.push(String(error instanceof Error ? error.stack : error)));
process.on("unhandledRejection", (reason) =>
  uncaught.push(`rejection: ${String(reason instanceof Error ? reason.stack : reason)}`),
);
// Without its parent, this process would run for ever.
process.on("disconnect", () => process.exit(0));
process.on(
  "message",
  (message: ParentMessage) => void (message.do === "serve" ? listen(message) : send(report(message.gc))),
);
// Write the cache now, because a killed process writes none for the next one.
flushCompileCache();
send({ is: "ready" });

async function openStore(address: StoreAddress) {
  if ("file" in address) return sqlite(address.file);
  // Loaded only now, because most children need no driver of Postgres.
  const { postgres } = await import("dacapo/postgres");
  return postgres(address);
}

async function listen({
  store,
  port,
  limits,
  hasModels = false,
  hasOrders = false,
}: Extract<ParentMessage, { do: "serve" }>): Promise<void> {
  const authorize = (request: Request) => {
    const [, actor] = /^Bearer ([\w-]{1,64})$/.exec(request.headers.get("authorization") ?? "") ?? [];
    return actor === undefined ? null : { actor };
  };
  const onError = (error: unknown) => {
    failureCount++;
    if (failures.length < 20) failures.push(String(error instanceof Error ? error.stack : error));
  };
  const { url, close } = await serve({
    domain: hasOrders ? ordersDomain : domain,
    store: await openStore(store),
    authorize,
    port,
    hostname: "127.0.0.1",
    onError,
    ...(hasModels && { models: [board, columnCounts] }),
    ...(hasOrders && { models: [invoices] }),
    ...(limits && { limits }),
  });
  process.once("SIGTERM", () => void close().then(() => process.exit(0)));
  send({ is: "listening", url });
}

function report(gc: boolean): ServerReport {
  if (gc) globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const loopDelayP99Ms = delay.percentile(99) / 1e6;
  delay.reset();
  return {
    is: "report",
    cpuMs: (user + system) / 1000,
    loopDelayP99Ms,
    memory: { used: heapUsed + external, rss },
    failures: failureCount,
    firstFailures: failures,
    uncaught,
    prototypes: [Object, Array, String, Function, Map, Promise]
      .map(({ name, prototype }) => `${name}: ${Reflect.ownKeys(prototype).map(String).sort().join(" ")}`)
      .join("\n"),
    connections: process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length,
  };
}

function send(message: ChildMessage): void {
  process.send?.(message);
}
