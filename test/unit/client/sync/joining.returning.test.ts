// A device that comes back to a long log: with a newer release, or with a history that the server does not have.
import { copyFile } from "node:fs/promises";
import { afterEach, expect, test } from "vitest";
import { type Domain, defineDomain } from "dacapo";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, column, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { startServer, temporaryFolder } from "../../../support/server.ts";

const LOG = "board";
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const release = defineDomain({
  version: 2,
  aggregates: [task, column],
  projections: [{ ...board, definition: { ...board.definition, version: 2 } }, columnCounts],
});

type Running = { readonly url: string };

async function start(file: string, of: Domain = domain) {
  const options = { base: { everyEvents: 10 }, limits: { pageEventsMax: 5 } };
  const server = await startServer({ store: sqlite(file), domain: of, ...options });
  undo.push(server.close);
  return server;
}

async function files() {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  return folder;
}

async function opened(of: Device, { url }: Running, options: Parameters<Device["open"]>[0] = {}): Promise<Tab> {
  const tab = await of.open({ url, ...options });
  undo.push(tab.close);
  return tab;
}

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

async function fill(tab: Tab, tasks: number): Promise<void> {
  await tab.execute([column.command.add("todo", { name: "To do" })]);
  for (let n = 0; n < tasks; n++) await tab.execute([add(`t${n}`)]);
  await until(() => tab.status().pending === 0, "the tasks are recorded");
}

async function hasBase({ url }: Running, table: string): Promise<void> {
  await until(async () => {
    const answer = await fetch(`${url}/logs/${LOG}/base`, { headers: { authorization: "Bearer ada" } });
    return (await answer.text()).includes(`"${table}"`);
  }, `a base with ${table}`);
}

const baseIn = async ({ database }: Device) =>
  (await memoryLogStore(database).refresh({ position: 0, pendingTail: 0 })).base;

test("join: a release with other rows takes the base of its version, and keeps pending work", async () => {
  const folder = await files();
  const first = await start(folder.path("logs.db"));
  const adas = device(domain, LOG, "ada");
  const before = await adas.open({ url: first.url });
  await fill(before, 25);
  await hasBase(first, "board@1<task@1");
  const joined = device(domain, LOG, "bob");
  const old = await joined.open({ url: first.url });
  await until(() => old.status().position === before.status().position, "bob has the log");
  expect(await baseIn(joined)).not.toBeNull();
  old.api.setPaused(true);
  await old.execute([add("mine")]);
  await Promise.all([old.close(), before.close()]);
  await first.close();

  const second = await start(folder.path("logs.db"), release);
  const ada = await opened(adas, second, { release });
  for (let n = 0; n < 12; n++) await ada.execute([add(`u${n}`)]);
  await hasBase(second, "board@2<task@1");
  const bob = await opened(joined, second, { release });
  await until(() => bob.status().pending === 0 && ada.rows("board").has("task/mine"), "bob's task is recorded");
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  // The base of the old release was dropped with its rows.
  expect(await baseIn(joined)).not.toBeNull();
  expect(Object.fromEntries(bob.rows("board"))).toEqual(Object.fromEntries(ada.rows("board")));
});

test("join: a device whose history the server lost takes the base, and offers its work again", async () => {
  const folder = await files();
  const lost = await start(folder.path("lost.db"));
  const returning = device(domain, LOG, "bob");
  const old = await returning.open({ url: lost.url });
  await fill(old, 3);
  await old.execute([add("recorded")]);
  await until(() => old.status().pending === 0, "bob's work is recorded");
  old.api.setPaused(true);
  await old.execute([add("pending")]);
  await old.close();
  await lost.close();

  const server = await start(folder.path("logs.db"));
  const ada = await opened(device(domain, LOG, "ada"), server);
  await fill(ada, 25);
  await hasBase(server, "board@1<task@1");
  const bob = await opened(returning, server, { onOtherServer: () => Promise.resolve(true) });
  await until(() => ada.rows("board").has("task/pending") && bob.status().pending === 0, "bob's work is recorded");
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(await baseIn(returning)).not.toBeNull();
  expect(ada.rows("board").has("task/recorded")).toBe(true);
  expect(Object.fromEntries(bob.rows("board"))).toEqual(Object.fromEntries(ada.rows("board")));
});

test("join: a release that drops the base offers work again that the server lost meanwhile", async () => {
  const folder = await files();
  const first = await start(folder.path("logs.db"));
  const before = await device(domain, LOG, "ada").open({ url: first.url });
  await fill(before, 25);
  await hasBase(first, "board@1<task@1");
  await before.close();
  await first.close();
  await copyFile(folder.path("logs.db"), folder.path("backup.db"));

  const later = await start(folder.path("logs.db"));
  const joined = device(domain, LOG, "bob");
  const old = await joined.open({ url: later.url });
  await until(() => old.status().position >= 26, "bob has the log");
  await old.execute([add("recorded")]);
  await until(() => old.status().pending === 0, "bob's work is recorded");
  expect(await baseIn(joined)).not.toBeNull();
  await old.close();
  await later.close();

  const restored = await start(folder.path("backup.db"), release);
  const bob = await opened(joined, restored, { release });
  const ada = await opened(device(release, LOG, "ada"), restored);
  await until(() => ada.rows("board").has("task/recorded"), "bob's work is recorded again");
  await until(() => bob.status().pending === 0 && bob.status().position === ada.status().position, "bob has the log");
  expect(Object.fromEntries(bob.rows("board"))).toEqual(Object.fromEntries(ada.rows("board")));
});

/** A device that joined by a base of the old release, and a server that has a base of the new one. */
async function joinedBefore() {
  const folder = await files();
  const first = await start(folder.path("logs.db"));
  const before = await device(domain, LOG, "ada").open({ url: first.url });
  await fill(before, 25);
  await hasBase(first, "board@1<task@1");
  const joined = device(domain, LOG, "bob");
  const bob = await joined.open({ url: first.url });
  await until(() => bob.status().position === before.status().position, "bob has the log");
  await Promise.all([bob.close(), before.close()]);
  await first.close();
  const server = await start(folder.path("logs.db"), release);
  const ada = await opened(device(domain, LOG, "ada"), server, { release });
  for (let n = 0; n < 12; n++) await ada.execute([add(`u${n}`)]);
  await hasBase(server, "board@2<task@1");
  await until(() => ada.status().pending === 0, "the tasks are recorded");
  return { joined, server, head: ada.status().position };
}

const newerLayout = { code: "storage-lost", details: { reason: "newer-layout" } };

test("join: a tab of an older release stops, and leaves the rows of a newer tab alone", async () => {
  const { joined, server, head } = await joinedBefore();
  const old = await opened(joined, server);
  await until(() => old.status().position === head, "the old tab has the log");
  let bases = 0;
  const transport = (inner: Transport) => ({
    ...inner,
    base: () => (bases++, inner.base?.() ?? Promise.resolve(null)),
  });
  const newer = await opened(joined, server, { release, transport });
  await until(() => old.status().error !== null, "the old tab says so");
  expect(old.status().error).toMatchObject(newerLayout);
  const positions = newer.statuses.map(({ position }) => position);
  expect(positions).toEqual(positions.toSorted((one, other) => one - other));
  expect([newer.status().position, newer.rows("board").size, bases]).toEqual([head, 37, 1]);
  expect(await baseIn(joined)).not.toBeNull();
});

test("join: without a network, a tab of an older release does not open and drops no rows", async () => {
  const { joined, server, head } = await joinedBefore();
  const newer = await opened(joined, server, { release });
  await until(() => newer.status().position === head, "the newer tab has the log");
  await server.close();
  await expect(joined.open({ url: server.url })).rejects.toMatchObject(newerLayout);
  newer.api.lifecycle("visible");
  await newer.execute([add("offline")]);
  expect([newer.status().error, newer.rows("board").size]).toEqual([null, 38]);
  const next = await opened(joined, server, { release });
  expect(next.rows("board").size).toBe(38);
});
