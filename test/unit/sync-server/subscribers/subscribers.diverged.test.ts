// The actions of an operator on a subscriber and a process manager whose log was restored without them.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { subscriber, type SyncServer } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { until } from "../../../support/device.ts";
import { fulfilmentOf, order, shop } from "../../../support/orders-domain.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const mailer = subscriber("mailer", { from: [order], start: "beginning", on: { OrderPlaced: () => {} } });

/** A server whose followers have places that are not in the log, as after a restore of the records alone. */
async function divergedServer(): Promise<SyncServer> {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const start = (): SyncServer => {
    const subscribers = [mailer, fulfilmentOf()];
    return testServer({ domain: shop, store: sqlite(file), subscribers, limits: { lookMs: 50 }, onError: () => {} });
  };
  const before = start();
  await before.log("shop").execute(order.command.place("o1", { amount: 1 }));
  const isDone = async ({ subscribers, processes } = before.log("shop")): Promise<boolean> =>
    [...(await subscribers.list()), ...(await processes.list())].every(({ at, behind }) => at !== null && behind === 0);
  await until(isDone, "the followers");
  await before.close();
  const database = new DatabaseSync(file);
  database.exec("update dacapo_followers set mark = '0000000000000000'");
  database.close();
  const server = start();
  undo.push(() => server.close());
  return server;
}

test.each(["subscribers", "processes"] as const)(
  "%s: pause and resume of a diverged one are refused, and reset helps",
  async (kind) => {
    const server = await divergedServer();
    const name = kind === "subscribers" ? "mailer" : "fulfilment";
    const calls = server.log("shop")[kind];
    expect(await calls.list()).toMatchObject([{ name, state: "diverged" }]);
    const diverged = { code: "diverged", message: expect.stringContaining(name) as string };
    await expect(calls.pause(name)).rejects.toMatchObject(diverged);
    await expect(calls.resume(name)).rejects.toMatchObject(diverged);
    await calls.reset(name, { from: "beginning", effects: "repeat" });
    await until(async () => (await calls.list())[0]?.state === "running", "the reset");
    await calls.pause(name);
    expect(await calls.list()).toMatchObject([{ state: "paused" }]);
  },
);
