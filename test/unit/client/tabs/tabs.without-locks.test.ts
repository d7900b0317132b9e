// A page on plain http has no Web Locks. Old browsers also lack BroadcastChannel.
import { afterEach, expect, test } from "vitest";
import type { Env } from "../../../../src/client/env/env.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
});

/** As `navigator.locks.request` fails where `navigator.locks` is undefined. */
const noLocks = (env: Env): Env => ({
  ...env,
  lock: () => Promise.reject(new TypeError("Cannot read properties of undefined (reading 'request')")),
});
const noChannel = (env: Env): Env => ({
  ...env,
  channel: () => {
    throw new ReferenceError("BroadcastChannel is not defined");
  },
});
const open = async (of: Device, options: Parameters<Device["open"]>[0]): Promise<Tab> => {
  const tab = await of.open(options);
  ends.push(tab.close);
  return tab;
};
const server = async () => {
  const running = await startServer();
  ends.push(running.close);
  return running;
};
const add = async (tab: Tab, id: string) =>
  unwrap(await tab.execute([task.command.add(id, { title: id, column: "todo" })])).commit;
const outcome = async (tab: Tab, commit: string) => unwrap(await tab.api.settled(commit)).settled.outcome;
const addMany = (tab: Tab, of: string) => Promise.all(Array.from({ length: 50 }, (_, n) => add(tab, `${of}${n}`)));
const keys = (tab: Tab) => [...tab.rows(board.name).keys()].sort();
const features = (tab: Tab) => tab.status().reduced.map(({ feature }) => feature);

test("Leadership: without Web Locks, a lone tab leads and syncs, and its status says so", async () => {
  const { url } = await server();
  const tab = await open(device(domain, "team", "ada"), { url, env: noLocks });
  expect(await outcome(tab, await add(tab, "t1"))).toBe("accepted");
  expect(tab.status()).toMatchObject({ leader: true, pending: 0, error: null });
  expect(features(tab)).toEqual(["locks"]);
  expect(tab.status().reduced[0]?.fix).toMatch(/https.*localhost/);
});

test("Leadership: with Web Locks, nothing is reduced", async () => {
  const { url } = await server();
  const tab = await open(device(domain, "team", "ada"), { url });
  await until(() => tab.status().connection === "live", "live");
  expect(features(tab)).toEqual([]);
});

test("Leadership: without Web Locks, a log without a server confirms its commits", async () => {
  const tab = await open(device(domain, "team", "ada"), { env: noLocks });
  expect(await outcome(tab, await add(tab, "t1"))).toBe("accepted");
  expect(tab.status()).toMatchObject({ connection: "local", position: 1, pending: 0 });
});

test("Leadership: two tabs without Web Locks end with one order, one leader, and nothing doubled", async () => {
  const { url } = await server();
  const ada = device(domain, "team", "ada");
  const [first, second] = await Promise.all([open(ada, { url, env: noLocks }), open(ada, { url, env: noLocks })]);
  const commits = await Promise.all([addMany(first, "a"), addMany(second, "b")]);
  for (const commit of commits[0]) expect(await outcome(first, commit)).toBe("accepted");
  for (const commit of commits[1]) expect(await outcome(second, commit)).toBe("accepted");
  await until(() => [first, second].every((tab) => tab.status().position === 100), "both have the whole log");
  expect(keys(first)).toHaveLength(100);
  expect(keys(second)).toEqual(keys(first));
  const leaders = () => [first, second].filter((tab) => tab.status().leader);
  await until(() => leaders().length === 1, "one tab leads");

  const [leader] = leaders();
  const other = leader === first ? second : first;
  await leader?.close();
  expect(await outcome(other, await add(other, "t1"))).toBe("accepted");
  expect(other.status()).toMatchObject({ leader: true, position: 101 });
});

test("Leadership: two tabs of a local log without Web Locks end with one order", async () => {
  const ada = device(domain, "team", "ada");
  const [first, second] = await Promise.all([open(ada, { env: noLocks }), open(ada, { env: noLocks })]);
  await Promise.all([addMany(first, "a"), addMany(second, "b")]);
  await until(
    () => [first, second].every((tab) => tab.status().position === 100 && tab.status().pending === 0),
    "both confirmed all",
  );
  expect(keys(second)).toEqual(keys(first));
});

test("Leadership: tabs without messages each lead, and end with one order", async () => {
  const { url } = await server();
  const ada = device(domain, "team", "ada");
  const lacking = (env: Env) => noLocks(noChannel(env));
  const [first, second] = await Promise.all([open(ada, { url, env: lacking }), open(ada, { url, env: lacking })]);
  await Promise.all([addMany(first, "a"), addMany(second, "b")]);
  await until(
    () => [first, second].every((tab) => tab.status().position === 100 && tab.status().pending === 0),
    "both synced all",
  );
  expect(keys(second)).toEqual(keys(first));
  expect([first, second].map((tab) => tab.status().leader)).toEqual([true, true]);
  expect(features(first)).toEqual(["tab-messages"]);
});

test("Leadership: tabs without messages each lead, although the browser has Web Locks", async () => {
  const ada = device(domain, "team", "ada");
  const [first, second] = [await open(ada, { env: noChannel }), await open(ada, { env: noChannel })];
  expect(await outcome(second, await add(second, "t1"))).toBe("accepted");
  expect(await outcome(first, await add(first, "t2"))).toBe("accepted");
  expect(features(first)).toEqual(["tab-messages"]);
});
