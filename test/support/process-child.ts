/** A server with a process manager on a SQLite file, which its parent kills. It places and pays orders itself. */
import { bearer, syncServer } from "dacapo/sync-server";
import { sqlite } from "dacapo/sqlite";
import { fulfilmentOf, order, payment, shop } from "./orders-domain.ts";

const [, , file = "", first = "0", lateMs = "0", version = "1"] = process.argv;

const server = syncServer({
  domain: shop,
  store: sqlite(file),
  authorize: bearer({ tokens: { secret: "ada" } }),
  subscribers: [fulfilmentOf({ version: Number(version), lateMs: Number(lateMs) })],
  limits: { lookMs: 100 },
  onError: (error) => console.error(error),
});
const log = server.log("shop");

/** Orders of which each third is never paid, and each tenth is refused. */
async function work(): Promise<void> {
  for (let n = Number(first); ; n++) {
    await log.execute(order.command.place(`o${n}`, { amount: n % 10 === 0 ? 13 : 5 }), { actor: "ada" });
    for (const text of ["a", "b"])
      await log.execute(order.command.note(`o${n}`, { text: `${text}${n}` }), { actor: "ada" });
    // The request may not be recorded yet, and then the payment is refused and comes with a later order or never.
    for (const paid of [n - 1, n - 2])
      if (paid >= 0 && paid % 3 !== 0) await log.execute(payment.command.take(`o${paid}`), { actor: "bank" });
    process.send?.({ placed: n });
  }
}

process.on("disconnect", () => process.exit(0));
process.on("message", () => {
  void log.processes.list().then(([status]) => process.send?.({ status }));
});
process.send?.({ ready: true });
if (Number(first) >= 0) void work();
