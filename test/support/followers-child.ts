/**
 * A server with every kind of follower on a SQLite file, which its parent kills. It places and pays orders itself, and
 * builds the rows of its models again and again.
 */
import { appendFileSync } from "node:fs";
import { projection } from "dacapo";
import { bearer, sqlModel, strong, subscriber, syncServer } from "dacapo/sync-server";
import { sqlite } from "dacapo/sqlite";
import { fulfilmentOf, order, payment, shop } from "./orders-domain.ts";

const [, , file = "", effects = "", first = "0", lateMs = "0", version = "1"] = process.argv;

/** One row for all orders, so that each event changes it. */
const counts = projection("counts", {
  version: 1,
  from: [order],
  initial: null as { readonly events: number } | null,
  key: () => ["all"],
  on: {
    OrderPlaced: (row) => ({ events: (row?.events ?? 0) + 1 }),
    OrderNoted: (row) => ({ events: (row?.events ?? 0) + 1 }),
    OrderPaid: (row) => ({ events: (row?.events ?? 0) + 1 }),
    OrderCancelled: (row) => ({ events: (row?.events ?? 0) + 1 }),
  },
});
const notes = projection("notes", {
  version: 1,
  from: [order],
  initial: null as { readonly notes: number } | null,
  on: { OrderNoted: (row) => ({ notes: (row?.notes ?? 0) + 1 }) },
});
const totals = sqlModel("totals", {
  version: 1,
  from: [order],
  tables: { total: (t) => `create table ${t} (id text primary key, amount integer not null)` },
  on: {
    OrderPlaced: ({ stream, data }, t) => [
      { sql: `insert into ${t.total} (id, amount) values (?, ?)`, params: [stream, data.amount] },
    ],
  },
});
/** Its effect is a line of a file. The same event may have several lines, all with one effect id. */
const mailer = subscriber("mailer", {
  from: [order],
  start: "beginning",
  on: {
    OrderPlaced: async (event, { effectId, execute }) => {
      appendFileSync(effects, `${event.id} ${effectId}\n`);
      await execute(order.command.note("all", { text: event.stream }), { log: "mails" });
    },
  },
});

const server = syncServer({
  domain: shop,
  store: sqlite(file),
  authorize: bearer({ tokens: { secret: "ada" } }),
  models: [counts, strong(notes), totals],
  subscribers: [mailer, fulfilmentOf({ version: Number(version), lateMs: Number(lateMs) })],
  limits: { lookMs: 100 },
  onError: (error) => console.error(error),
});
const log = server.log("shop");

/** Orders of which each third is never paid, and each tenth is refused. */
async function work(): Promise<void> {
  await server.log("mails").execute(order.command.place("all", { amount: 1 }));
  for (let n = Number(first); ; n++) {
    const placed = order.command.place(`o${n}`, { amount: n % 10 === 0 ? 13 : 5 });
    await log.execute([placed, order.command.note(`o${n}`, { text: `a${n}` })], { actor: "ada" });
    for (const paid of [n - 1, n - 2])
      if (paid >= 0 && paid % 3 !== 0) await log.execute(payment.command.take(`o${paid}`), { actor: "bank" });
    process.send?.({ placed: n });
  }
}

async function rebuild(): Promise<void> {
  for (;;)
    for (const model of [counts, notes, totals]) {
      const job = await log.models.rebuild(model);
      await job.finished();
      process.send?.({ rebuilt: job.models.length });
      // A log without records has nothing to build, so the loop would take all of the time.
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
}

/** Null: the followers have work. Otherwise the differences of all rows from those of the log. */
async function differences(): Promise<number | null> {
  const [models, subscribers, processes] = [
    await log.models.list(),
    await log.subscribers.list(),
    await log.processes.list(),
  ];
  const [process] = processes;
  const isFollowing = [...subscribers, ...processes].some((one) => one.behind + one.waiting > 0);
  const isBuilding = models.some(
    ({ phase, behind, job }) => phase !== "ready" || behind > 0 || job?.phase === "running",
  );
  if (isFollowing || isBuilding || process?.state !== "running" || process.commands > 0) return null;
  let found = 0;
  for (const model of [counts, notes, totals]) found += (await log.models.verify(model)).differences.length;
  return found;
}

process.on("disconnect", () => process.exit(0));
process.on("message", () => {
  void differences().then((found) => process.send?.({ differences: found }));
});
process.send?.({ ready: true });
if (Number(first) >= 0) void work();
if (Number(first) >= 0) void rebuild();
