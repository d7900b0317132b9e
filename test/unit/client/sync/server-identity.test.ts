// A device whose address leads to another server: by a move from a development server, or by a restore.
import { copyFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { httpTransport } from "../../../../src/client/sync/http-transport.ts";
import { serverIdentity, type ServerIds } from "../../../../src/client/sync/server-identity.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { device, nodeEnv, sharedByTabs, type Tab, until } from "../../../support/device.ts";
import { startServer, temporaryFolder } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
async function started(options: Parameters<typeof startServer>[0]) {
  const server = await startServer(options);
  ends.push(server.close);
  return server;
}
const opened = async (tab: Promise<Tab>) => {
  const one = await tab;
  ends.push(one.close);
  return one;
};
const folder = async () => {
  const made = await temporaryFolder();
  ends.push(made.remove);
  return made;
};
const add = async (tab: Tab, id: string) =>
  unwrap(await tab.execute([task.command.add(id, { title: id, column: "todo" })])).commit;
const keys = (tab: Tab) => [...tab.rows(board.name).keys()].sort((left, right) => (left < right ? -1 : 1));
const isLive = (tab: Tab) =>
  until(() => tab.status().connection === "live" && tab.status().pending === 0, "all is sent");

test("P29 other-server: a device offers its work to no other server until the app agrees", async () => {
  const files = await folder();
  const own = new MemoryDatabase(() => crypto.randomUUID());
  const first = await startServer({ store: sqlite(files.path("first.db")) });
  const before = await device(domain, "team", "ada", own).open({ url: first.url });
  await add(before, "t1");
  await isLive(before);
  await before.close();
  await first.close();

  const pushes: string[] = [];
  const second = await started({
    store: sqlite(files.path("second.db")),
    port: first.port,
    permit: (_, { action }) => {
      pushes.push(action);
      return true;
    },
  });
  const asked: ServerIds[] = [];
  let agrees = false;
  const tab = await opened(
    device(domain, "team", "ada", own).open({
      url: second.url,
      onOtherServer: async (ids) => {
        asked.push(ids);
        return agrees;
      },
    }),
  );
  await add(tab, "t2");
  await until(() => tab.status().connection === "stopped", "it stops");
  expect(tab.status()).toMatchObject({ pending: 1, position: 1, error: { code: "other-server", retry: "after-fix" } });
  expect(tab.status().error?.details).toEqual(asked[0]);
  expect(pushes).toEqual([]);
  expect(keys(tab)).toEqual(["task/t1", "task/t2"]);

  agrees = true;
  tab.api.setPaused(false);
  await isLive(tab);
  expect(keys(tab)).toEqual(["task/t1", "task/t2"]);
  expect(asked).toEqual([asked[0], asked[0]]);
  const other = await opened(device(domain, "team", "bob").open({ url: second.url }));
  await until(() => keys(other).length === 2, "the second server has all work");
});

test("other-server: a restored server and a restarted server have the same id", async () => {
  const files = await folder();
  const first = await startServer({ store: sqlite(files.path("logs.db")) });
  const tab = await opened(device(domain, "team", "ada").open({ url: first.url }));
  await add(tab, "t1");
  await isLive(tab);
  await first.close();
  await copyFile(files.path("logs.db"), files.path("backup.db"));
  const again = await startServer({ store: sqlite(files.path("logs.db")), port: first.port });
  await add(tab, "t2");
  await isLive(tab);
  await again.close();

  await started({ store: sqlite(files.path("backup.db")), port: first.port });
  await add(tab, "t3");
  await isLive(tab);
  const other = await opened(device(domain, "team", "bob").open({ url: first.url }));
  await until(() => keys(other).length === 3, "the restored server has all work");
  expect(keys(other)).toEqual(["task/t1", "task/t2", "task/t3"]);
});

test("other-server: a log that never heard an id takes the first one, and serverId replaces it", async () => {
  const own = new MemoryDatabase(() => crypto.randomUUID());
  const store = memoryLogStore(own);
  const first = await startServer({ serverId: "our-server" });
  const tab = await device(domain, "team", "ada", own).open({ url: first.url });
  await add(tab, "t1");
  await isLive(tab);
  expect(await store.readServer()).toBe("our-server");
  await tab.close();
  await first.close();
  const moved = await started({ serverId: "our-server", store: memory() });
  const again = await opened(device(domain, "team", "ada", own).open({ url: moved.url }));
  await isLive(again);
  await expect(startServer({ serverId: "not allowed" })).rejects.toMatchObject({ code: "definition" });
});

test("P28 other-server: a refusal of another server does not make a device drop its log", async () => {
  const files = await folder();
  const own = new MemoryDatabase(() => crypto.randomUUID());
  const first = await startServer({ store: sqlite(files.path("first.db")) });
  const before = await device(domain, "team", "ada", own).open({ url: first.url });
  await add(before, "t1");
  await isLive(before);
  await before.close();
  await first.close();
  await started({ store: sqlite(files.path("second.db")), port: first.port, permit: () => false });
  const tab = await opened(device(domain, "team", "ada", own).open({ url: first.url }));
  await until(() => tab.status().connection === "stopped", "it stops");
  expect(tab.status()).toMatchObject({ position: 1, error: { code: "other-server" } });
});

test("serverIdentity: keeps to the id that another tab stored, and calls the app once at a time", async () => {
  const store = memoryLogStore(new MemoryDatabase(() => crypto.randomUUID()));
  const questions: ((isAgreed: boolean) => void)[] = [];
  let joins = 0;
  const identity = serverIdentity(
    store,
    () => new Promise((resolve) => questions.push(resolve)),
    () => void joins++,
  );
  await store.setServer(null, "first");
  await expect(identity.check("second")).rejects.toMatchObject({
    code: "other-server",
    details: { known: "first", other: "second" },
  });
  await expect(identity.check("second")).rejects.toMatchObject({ code: "other-server" });
  expect(questions).toHaveLength(1);
  questions[0]?.(true);
  await until(async () => (await identity.known()) === "second", "the log joined the other server");
  expect(joins).toBe(1);
  await identity.check("second");
});

test("P28 server: names itself in each answer, and refuses a request that names another", async () => {
  const server = await started({});
  const store = memoryLogStore(new MemoryDatabase(() => crypto.randomUUID()));
  const identity = serverIdentity(
    store,
    () => Promise.resolve(false),
    () => {},
  );
  const transport = httpTransport({
    url: server.url,
    log: "team",
    token: () => Promise.resolve("ada"),
    env: nodeEnv(sharedByTabs()),
    server: identity,
  });
  expect(await transport.pull(null, null)).toMatchObject({ kind: "answer" });
  expect(await store.readServer()).toBe("memory");
  await store.setServer("memory", "another");
  for (const call of [() => transport.pull(null, null), () => transport.push(null, 1, [])])
    await expect(call()).rejects.toMatchObject({
      code: "other-server",
      details: { known: "another", other: "memory" },
    });
  const authorization = { authorization: "Bearer ada" };
  const answer = await fetch(`${server.url}/logs/team/records?server=another`, { headers: authorization });
  expect([answer.status, answer.headers.get("dacapo-server")]).toEqual([409, "memory"]);
  expect(await answer.json()).toMatchObject({ error: { code: "other-server", retry: "after-fix" } });
});
