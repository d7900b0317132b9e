// The work of a guest, who then gets an account.
import { afterEach, expect, test } from "vitest";
import { moveLog } from "../../../../src/client/engine/move-log.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { httpTransport } from "../../../../src/client/sync/http-transport.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { ALL, entriesOf, nameOf } from "../../../../src/testing/log-store/fixtures.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";
import { device, nodeEnv, sharedByTabs, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});
const opened = async (tab: Promise<Tab>) => {
  const one = await tab;
  ends.push(one.close);
  return one;
};
const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const byKey = ([left = ""]: string[], [right = ""]: string[]) => (left < right ? -1 : 1);
const titles = (tab: Tab) =>
  [...tab.rows(board.name)].map(([key, { row }]) => [key, (row as { title: string }).title]).sort(byKey);

/** A guest makes five commits, and each is settled on the device. */
async function guestWork(databaseOf: (user: string) => MemoryDatabase) {
  const guest = await opened(device(domain, "team", "guest", databaseOf("guest")).open({ databaseOf }));
  const ids: string[] = [];
  for (const command of [
    task.command.add("t1", { title: "Milk", column: "todo" }),
    task.command.rename("t1", { title: "Oat milk" }),
    task.command.add("t2", { title: "Eggs", column: "todo" }),
    task.command.rename("t2", { title: "Six eggs" }),
    task.command.rename("t1", { title: "Two oat milks" }),
  ])
    ids.push(unwrap(await guest.execute([command])).commit);
  unwrap(await guest.api.settled(ids[4] ?? ""));
  return { guest, ids };
}

test("moveTo: the work of a guest becomes the work of the new account, with the same ids", async () => {
  const server = await startServer();
  ends.push(server.close);
  const databases = new Map([
    ["guest", newDatabase()],
    ["ada", newDatabase()],
  ]);
  const databaseOf = (user: string) => databases.get(user) ?? newDatabase();
  const { guest, ids } = await guestWork(databaseOf);
  unwrap(await guest.api.moveTo("ada"));
  await until(() => guest.status().connection === "stopped", "the guest's handle ends");
  expect(await guest.execute([task.command.complete("t1")])).toMatchObject({ ok: false });

  const ada = await opened(device(domain, "team", "ada", databaseOf("ada")).open({ url: server.url }));
  expect(titles(ada)).toEqual([
    ["task/t1", "Two oat milks"],
    ["task/t2", "Six eggs"],
  ]);
  await until(() => ada.status().connection === "live" && ada.status().pending === 0, "all is sent");
  expect(ada.update().rejections ?? []).toEqual([]);
  const other = await opened(device(domain, "team", "bob").open({ url: server.url }));
  await until(() => titles(other).length === 2, "another person sees it");
  expect(titles(other)).toEqual(titles(ada));
  const history = [...unwrap(await other.api.history("task/t1")), ...unwrap(await other.api.history("task/t2"))];
  expect(new Set(history.map(({ actor }) => actor))).toEqual(new Set(["ada"]));
  expect(new Set(history.map(({ id }) => id.slice(0, 36)))).toEqual(new Set(ids));
});

test("moveTo: the work joins the work that the account has already, here and on the server", async () => {
  const server = await startServer();
  ends.push(server.close);
  const adas = newDatabase();
  const elsewhere = await opened(device(domain, "team", "ada").open({ url: server.url }));
  unwrap(await elsewhere.execute([task.command.add("t9", { title: "Bread", column: "todo" })]));
  await until(() => elsewhere.status().pending === 0, "the bread is sent");
  const ada = await opened(device(domain, "team", "ada", adas).open({ url: server.url }));
  await until(() => titles(ada).length === 1, "the bread arrived");
  const guests = newDatabase();
  const { guest } = await guestWork((user) => (user === "ada" ? adas : guests));
  unwrap(await guest.api.moveTo("ada"));
  unwrap(await ada.execute([task.command.add("t8", { title: "Butter", column: "todo" })]));
  await until(() => ada.status().pending === 0 && titles(elsewhere).length === 4, "all is everywhere");
  expect(titles(elsewhere)).toEqual(titles(ada));
});

test("moveTo: a user whose token is another's gets none of the work recorded", async () => {
  const server = await startServer();
  ends.push(server.close);
  const bobs = newDatabase();
  const guests = newDatabase();
  const { guest } = await guestWork((user) => (user === "bob" ? bobs : guests));
  unwrap(await guest.api.moveTo("bob"));
  // Ada's token, and a log of Bob.
  const transport = () =>
    httpTransport({
      url: server.url,
      log: "team",
      token: () => Promise.resolve("ada"),
      env: nodeEnv(sharedByTabs()),
    });
  const bob = await opened(device(domain, "team", "bob", bobs).open({ url: server.url, transport }));
  await until(() => bob.status().connection === "stopped", "the server refuses");
  expect(bob.status()).toMatchObject({ pending: 5, position: 0, head: 0 });
});

test("moveTo: refuses the user of the log, and a user without a valid name", async () => {
  const { guest } = await guestWork(newDatabase);
  for (const user of ["guest", ""])
    expect(await guest.api.moveTo(user)).toMatchObject({ ok: false, error: { code: "invalid" } });
  expect(guest.status().position).toBe(5);
});

test("moveLog: a move that failed half way continues, and doubles nothing", async () => {
  const [guests, adas] = [newDatabase(), newDatabase()];
  let fails = true;
  const from = memoryLogStore(guests, {
    before: (operation) => {
      if (operation === "destroy" && fails) throw new Error("the tab died");
    },
  });
  await from.appendPending(0, entriesOf("a", "b"), []);
  const to = memoryLogStore(adas);
  await expect(moveLog(from, to, "ada")).rejects.toThrow("the tab died");
  fails = false;
  await from.appendPending(2, entriesOf("c"), []);
  await moveLog(from, to, "ada");
  expect((await to.refresh(ALL)).pending.map(nameOf)).toEqual(["a", "b", "c"]);
  await expect(from.head()).rejects.toMatchObject({ code: "storage-lost" });
});

test("moveLog: commits move in the order in which they were made, settled or not", async () => {
  const { engine } = await openTab(domain, newDatabase());
  const first = await engine.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null);
  const second = await engine.execute([task.command.complete("t9")], null);
  const third = await engine.execute([task.command.complete("t8")], null);
  await engine.confirm(new RecordingServer().page(engine, [{ id: second, outcome: "empty" }]), 0);
  const to = memoryLogStore(newDatabase());
  await moveLog(engine.store, to, "ada");
  expect((await to.refresh(ALL)).pending.map(({ commit }) => commit.id)).toEqual([first, second, third]);
});

test("moveLog: fails if other tabs always write, and keeps the log", async () => {
  const from = memoryLogStore(newDatabase());
  await from.appendPending(0, entriesOf("a"), []);
  let appends = 0;
  const inner = memoryLogStore(newDatabase());
  const to = { ...inner, appendPending: () => Promise.resolve(appends++ < 0) };
  await expect(moveLog(from, to, "ada")).rejects.toMatchObject({ code: "bug" });
  expect((await from.refresh(ALL)).pending.map(nameOf)).toEqual(["a"]);
  expect(appends).toBeGreaterThan(10);
});

test("moveLog: a commit that another tab makes meanwhile moves too", async () => {
  const [guests, adas] = [newDatabase(), newDatabase()];
  const other = memoryLogStore(guests);
  const late = ["b"];
  const from = memoryLogStore(guests, {
    before: async (operation) => {
      if (operation !== "destroy") return;
      for (const name of late.splice(0)) await other.appendPending(1, entriesOf(name), []);
    },
  });
  await from.appendPending(0, entriesOf("a"), []);
  const to = memoryLogStore(adas);
  await moveLog(from, to, "ada");
  const { pending, head } = await to.refresh(ALL);
  expect(pending.map(nameOf)).toEqual(["a", "b"]);
  expect(pending.map(({ commit }) => [commit.actor, commit.client])).toEqual([
    ["ada", head.client],
    ["ada", head.client],
  ]);
});

test("moveLog: refuses a log that a server knows, and a log with rejected commits", async () => {
  const synced = memoryLogStore(newDatabase());
  await synced.appendPending(0, entriesOf("a"), []);
  await synced.setServer(null, "a-server");
  const to = memoryLogStore(newDatabase());
  await expect(moveLog(synced, to, "ada")).rejects.toMatchObject({ code: "concurrency", retry: "never" });
  expect((await to.head()).pendingTail).toBe(0);
  expect((await synced.head()).pendingTail).toBe(1);

  const tab = await opened(
    device(domain, "team", "guest").open({ url: "http://127.0.0.1:9/sync", databaseOf: newDatabase }),
  );
  const { commit } = unwrap(await tab.execute([task.command.add("t1", { title: "Milk", column: "todo" })]));
  unwrap(await tab.api.withdraw(commit));
  expect(await tab.api.moveTo("ada")).toMatchObject({
    ok: false,
    error: { code: "concurrency", retry: "after-fix", details: { rejections: 1 } },
  });
});

test("moveTo: refuses a log that a server answers during the move, and keeps it", async () => {
  const databases = new Map([["guest", newDatabase()]]);
  await guestWork((user) => databases.get(user) ?? newDatabase());
  const from = memoryLogStore(databases.get("guest") ?? newDatabase());
  const answered = {
    ...from,
    destroy: async () => {
      await from.setServer(null, "our-server");
      return false;
    },
  };
  const moved = moveLog(answered, memoryLogStore(newDatabase()), "ada");
  await expect(moved).rejects.toMatchObject({ code: "concurrency" });
  expect(await from.readSent(null)).toHaveLength(5);
});
