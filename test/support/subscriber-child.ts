/** A server with a subscriber on a SQLite file, which its parent kills while handlers run. Each call is a line. */
import { appendFileSync } from "node:fs";
import { bearer, type HandlerContext, subscriber, syncServer } from "dacapo/sync-server";
import { sqlite } from "dacapo/sqlite";
import { domain, task } from "./board-domain.ts";

const [, , file = "", calls = ""] = process.argv;

const mailer = subscriber("mailer", {
  from: [task],
  start: "beginning",
  concurrency: 4,
  retry: { attempts: 1_000, firstMs: 1, maxMs: 20 },
  on: {
    TaskAdded: (event, context) => handle(event, context),
    TaskRenamed: (event, context) => handle(event, context),
  },
});

async function handle(event: { stream: string; version: number }, context: HandlerContext) {
  const { effectId, attempt, log, execute } = context;
  if (log !== "board") return;
  const write = (kind: string): void =>
    appendFileSync(calls, `${kind} ${event.stream} ${event.version} ${effectId} ${attempt}\n`);
  write("start");
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 8));
  // Whatever follows, the other log records one note of this event.
  await execute(task.command.note("all", { text: `${event.stream} ${event.version}` }), { log: "copies" });
  if (Math.random() < 0.2) throw new Error("no mail");
  write("done");
}

const server = syncServer({
  domain,
  store: sqlite(file),
  authorize: bearer({ tokens: { secret: "ada" } }),
  subscribers: [mailer],
});
process.on("disconnect", () => process.exit(0));
process.on("message", () => {
  void server
    .log("board")
    .subscribers.list()
    .then(([status]) => process.send?.({ behind: status?.behind, waiting: status?.waiting, at: status?.at }));
});
process.send?.("ready");
