// Read models in a Durable Object, in real workerd: rows follow the log, also after an eviction.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { encodeCursor } from "../../src/core/history/record.ts";
import { bearer, strong, syncServer, type SyncServer, type SyncServerOptions } from "../../src/sync-server/app.ts";
import { durableObjectStore } from "../../src/sync-server/stores/durable-object.ts";
import { board, columnCounts, domain, task } from "../support/board-domain.ts";
import { names, namesDomain, user } from "../support/names-domain.ts";
import { invoices, order, ordersDomain } from "../support/invoices-domain.ts";
import { person, tokens } from "../support/sync-requests.ts";

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

/** Runs `work` with a server as the object of a log has it, and returns the names of the object's tables. */
function inObject(
  name: string,
  work: (server: SyncServer) => Promise<void>,
  options: Pick<SyncServerOptions, "domain" | "models"> = { domain, models: [board, columnCounts] },
): Promise<readonly string[]> {
  return runInDurableObject(env.PLATFORM.getByName(name), async (_, { storage }) => {
    const server = syncServer({
      ...options,
      store: durableObjectStore(storage),
      authorize: bearer({ tokens }),
      serverId: "object",
      liveTicks: false,
    });
    await work(server);
    await server.close();
    return [...storage.sql.exec<{ name: string }>("select name from sqlite_master where type = 'table'")].map(
      (table) => table.name,
    );
  });
}

test("read models: an object has the rows of its log, and continues them after an eviction", async () => {
  await inObject("rows of models", async (server) => {
    const ada = person(server, "ada");
    const { cursor } = await ada.push([ada.commit(add("t1")), ada.commit(add("t2"))]);
    const { rows } = await server.log("board").rows(board, { at: cursor && encodeCursor(cursor) });
    expect(rows.map(({ key }) => key)).toEqual(["task/t1", "task/t2"]);
  });
  await evictDurableObject(env.PLATFORM.getByName("rows of models"));
  await inObject("rows of models", async (server) => {
    expect((await server.log("board").rows(columnCounts, { waitMs: 0 })).rows).toEqual([
      { key: "todo", row: { tasks: 2 } },
    ]);
    const { at } = await server.log("board").execute(add("t3"));
    const response = await person(server, "ada").request(`rows/column-counts?at=${at ?? ""}&waitMs=5000`);
    expect(await response.json()).toMatchObject({ at, rows: [{ key: "todo", row: { tasks: 3 } }] });
  });
});

test("read models: reading the rows of an absent log makes no table", async () => {
  const tables = await inObject("no rows", async (server) => {
    const response = await person(server, "ada").request("rows/board?waitMs=100");
    expect(await response.json()).toMatchObject({ rows: [], at: null });
    server.poke("board");
    await server.log("board").rows(board);
  });
  expect(tables).toEqual([]);
});

test("strong: an object records a name once, also after an eviction", async () => {
  const options = { domain: namesDomain, models: [strong(names)] };
  const call = (id: string, name: string) => user.command.name(id, { name });
  await inObject(
    "unique names",
    async (server) => {
      const ada = person(server, "ada");
      const outcomes = await ada.outcomes(ada.commit(call("u1", "neo")), ada.commit(call("u2", "neo")));
      expect(outcomes).toMatchObject([{ outcome: "recorded" }, { outcome: "rejected", code: "name-taken" }]);
    },
    options,
  );
  await evictDurableObject(env.PLATFORM.getByName("unique names"));
  await inObject(
    "unique names",
    async (server) => {
      const log = server.log("board");
      await expect(log.execute(call("u3", "neo"))).rejects.toMatchObject({ details: { code: "name-taken" } });
      const { at } = await log.execute(call("u1", "tank"));
      expect(await log.rows(names, { at, waitMs: 0 })).toMatchObject({
        rows: [{ key: "tank", row: { user: "user/u1" } }],
      });
    },
    options,
  );
});

test("strong SQL model: an object rejects one commit alone, and shows its tables in views", async () => {
  const options = { domain: ordersDomain, models: [strong(invoices)] };
  const paid = (id: string, number: string) => [
    order.command.place(id, { total: 3 }),
    order.command.pay(id, { number }),
  ];
  const tables = await inObject(
    "invoices",
    async (server) => {
      const ada = person(server, "ada");
      const commits = ["1", "1", "2", "2", "3", "3", "4", "4", "5"].map((number, n) =>
        ada.commit(...paid(`o${n}`, number)),
      );
      const outcomes = await ada.outcomes(...commits);
      expect(outcomes.map(({ outcome }) => outcome)).toEqual(
        ["1", "2", "3", "4"].flatMap(() => ["recorded", "rejected"]).concat("recorded"),
      );
      expect(outcomes[1]).toMatchObject({ command: 1, code: "number-taken" });
      const log = server.log("board");
      expect(await log.query(invoices, (t) => `select amount from ${t.total}`, [], { waitMs: 0 })).toMatchObject({
        rows: [{ amount: 15 }],
      });
      expect((await log.models.verify(invoices)).differences).toEqual([]);
      expect(await (await log.models.rebuild(invoices)).finished()).toMatchObject({ phase: "done" });
    },
    options,
  );
  expect(tables.filter((name) => name.startsWith("invoice"))).not.toEqual([]);
  await evictDurableObject(env.PLATFORM.getByName("invoices"));
  await runInDurableObject(env.PLATFORM.getByName("invoices"), (_, { storage }) => {
    const rows = [...storage.sql.exec("select log, number from invoice_v1 order by number")];
    expect(rows).toEqual(["1", "2", "3", "4", "5"].map((number) => ({ log: "board", number })));
  });
  await inObject(
    "invoices",
    async (server) => {
      const log = server.log("board");
      await expect(log.execute(paid("late", "3"))).rejects.toMatchObject({ details: { code: "number-taken" } });
      await server.drop("board");
    },
    options,
  );
  await runInDurableObject(env.PLATFORM.getByName("invoices"), (_, { storage }) => {
    const views = [...storage.sql.exec("select name from sqlite_master where type = 'view'")];
    expect(views).toEqual([]);
  });
});

test("async SQL model: an object parks events with refused statements", async () => {
  await inObject(
    "late invoices",
    async (server) => {
      const log = server.log("board");
      for (const [n, number] of ["1", "1", "2"].entries())
        await log.execute([order.command.place(`o${n}`, { total: 3 }), order.command.pay(`o${n}`, { number })]);
    },
    { domain: ordersDomain },
  );
  await inObject(
    "late invoices",
    async (server) => {
      const found = await server.log("board").query(invoices, (t) => `select number from ${t.invoice} order by number`);
      expect(found).toMatchObject({ parked: 1, rows: [{ number: "1" }, { number: "2" }] });
    },
    { domain: ordersDomain, models: [invoices] },
  );
});
