// Read models in a Durable Object, in real workerd: rows follow the log, also after an eviction.
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { encodeCursor } from "../../src/core/history/record.ts";
import { bearer, strong, syncServer, type SyncServer, type SyncServerOptions } from "../../src/sync-server/app.ts";
import { durableObjectStore } from "../../src/sync-server/stores/durable-object.ts";
import { board, columnCounts, domain, task } from "../support/board-domain.ts";
import { names, namesDomain, user } from "../support/names-domain.ts";
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
