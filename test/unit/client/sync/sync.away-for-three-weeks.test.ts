// A device that was away for three weeks. docs/away-for-three-weeks.md has a row for each test.
import { aggregate, defineDomain, event, input } from "dacapo";
import * as v from "valibot";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { syncServer } from "../../../../src/sync-server/app.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { startServer } from "../../../support/server.ts";

const WEEK = 7 * 24 * 60 * 60 * 1000;
const ends: (() => Promise<void>)[] = [];
// Only the calendar, because real sockets need real timers.
beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2030, 5, 1) }));
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end().catch(() => {});
  vi.useRealTimers();
});
const pass = (weeks: number) => vi.setSystemTime(Date.now() + weeks * WEEK);
const server = async (options: Parameters<typeof startServer>[0] = {}) => {
  const running = await startServer(options);
  ends.push(running.close);
  return running;
};
const open = async (of: Device, options: Parameters<Device["open"]>[0]) => {
  const tab = await of.open(options);
  ends.push(tab.close);
  return tab;
};
const execute = async (tab: Tab, ...commands: CommandRequest[]) => unwrap(await tab.execute(commands)).commit;
const settled = async (tab: Tab, commit: string) => unwrap(await tab.api.settled(commit)).settled;
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const titles = (tab: Tab) => [...tab.rows(board.name).keys()].sort();
/** A transport without a network. */
const noNetwork = (inner: Transport): Transport => {
  const fail = () => Promise.reject(new UnreachableError("There is no network", null));
  return { ...inner, push: fail, pull: fail };
};
/** The server answers, and the answer is lost. */
const losesAnswers = (inner: Transport): Transport => ({
  ...inner,
  push: async (...facts) => {
    await inner.push(...facts);
    throw new UnreachableError("The answer was lost", null);
  },
  pull: () => Promise.reject(new UnreachableError("The answer was lost", null)),
});

test("away: work of three weeks ago is sent in its order and with its own time", async () => {
  const { url } = await server();
  const adas = device(domain, "team", "ada");
  const before = await open(adas, { url, transport: noNetwork });
  const since = Date.now();
  await execute(before, add("a1"));
  await execute(before, task.command.rename("a1", { title: "Milk" }));
  await execute(before, task.command.complete("a1"));
  await before.close();
  pass(3);
  const ben = await open(device(domain, "team", "ben"), { url });
  await settled(ben, await execute(ben, add("b1")));

  const ada = await open(adas, { url, transport: noNetwork });
  expect(ada.status()).toMatchObject({ pending: 3, outdated: false });
  expect(Math.abs((ada.status().waitingSince ?? 0) - since)).toBeLessThan(1_000);
  await ada.close();
  const back = await open(adas, { url });
  await until(() => back.status().connection === "live" && back.status().pending === 0, "all was sent");
  expect(titles(back)).toEqual(["task/a1", "task/b1"]);
  const history = unwrap(await back.api.history("task/a1"));
  expect(history.map(({ type, version }) => [version, type])).toEqual([
    [1, "TaskAdded"],
    [2, "TaskRenamed"],
    [3, "TaskCompleted"],
  ]);
  expect(history.every(({ time, pending }) => !pending && Math.abs(time - since) < 1_000)).toBe(true);
});

test("away: an expired token stops syncing and keeps all work, and a new token sends it", async () => {
  let isExpired = true;
  const { url } = await server({
    authorize: (request) => {
      const [, actor] = /^Bearer (.+)$/.exec(request.headers.get("authorization") ?? "") ?? [];
      return isExpired || actor === undefined ? null : { actor };
    },
  });
  const adas = device(domain, "team", "ada");
  const before = await open(adas, { url, transport: noNetwork });
  const commit = await execute(before, add("a1"));
  await before.close();
  pass(3);
  const ada = await open(adas, { url });
  await until(() => ada.status().connection === "stopped", "syncing stopped");
  expect(ada.status()).toMatchObject({ pending: 1, error: { code: "unauthorized" } });
  isExpired = false;
  ada.api.setPaused(false);
  expect(await settled(ada, commit)).toMatchObject({ outcome: "accepted" });
  expect(ada.status().error).toBeNull();
});

test("away: an outcome that was lost three weeks ago is repeated, and nothing is doubled", async () => {
  const { url } = await server();
  const ben = await open(device(domain, "team", "ben"), { url });
  await settled(ben, await execute(ben, add("t1")));
  const adas = device(domain, "team", "ada");
  const before = await open(adas, { url, transport: losesAnswers });
  const recorded = await execute(before, add("a1"));
  // On the server the task exists already.
  const rejected = await execute(before, task.command.add("t1", { title: "Ada's", column: "todo" }));
  await until(() => titles(ben).includes("task/a1"), "the server recorded it");
  await before.close();
  pass(3);
  const ada = await open(adas, { url });
  expect(await settled(ada, recorded)).toMatchObject({ outcome: "accepted", position: 2 });
  expect(await settled(ada, rejected)).toMatchObject({ outcome: "rejected", code: "already-added" });
  expect(ada.status()).toMatchObject({ position: 2, pending: 0, rejections: 1 });
});

test("away: a server that was rebuilt gets the own work again, and the status counts it", async () => {
  const first = await server();
  const adas = device(domain, "team", "ada");
  const before = await open(adas, { url: first.url });
  for (const id of ["a1", "a2"]) await settled(before, await execute(before, add(id)));
  await before.close();
  await first.close();
  pass(3);
  const { url } = await server({ port: first.port });
  const ben = await open(device(domain, "team", "ben"), { url });
  await settled(ben, await execute(ben, add("a2")));
  const ada = await open(adas, { url });
  await until(() => ada.status().pending === 0 && ada.status().sentAgain !== null, "all was sent again");
  expect(ada.status().sentAgain).toMatchObject({ position: 0, commits: 2, accepted: 1, rebased: 0, rejected: 1 });
  expect(ada.update().rejections).toMatchObject([{ code: "already-added", theirs: [{ actor: "ben" }] }]);
  expect(titles(ada)).toEqual(["task/a1", "task/a2"]);
});

test("away: a log that was deleted meanwhile keeps the own work, and export contains it", async () => {
  const store = memory();
  const { url } = await server({ store });
  const adas = device(domain, "team", "ada");
  const before = await open(adas, { url });
  await settled(before, await execute(before, add("a1")));
  before.api.setPaused(true);
  const commit = await execute(before, add("a2"));
  await before.close();
  pass(3);
  await syncServer({ domain, store, authorize: () => null }).drop("team");
  const ada = await open(adas, { url });
  await until(() => ada.status().connection === "stopped", "syncing stopped");
  expect(ada.status()).toMatchObject({ pending: 1, error: { code: "gone" } });
  let text = "";
  for (let piece = unwrap(await ada.api.exportNext(true)); piece !== null;) {
    text += piece;
    piece = unwrap(await ada.api.exportNext(false));
  }
  expect(text).toContain(commit);
});

test("away: a command that waited over two releases is upcast step by step and recorded", async () => {
  const title = v.object({ title: v.string() });
  const listed = v.object({ title: v.string(), list: v.string() });
  const rated = v.object({ title: v.string(), list: v.string(), stars: v.number() });
  const release = (version: 1 | 3) => {
    const toList = (old: { title: string }) => ({ ...old, list: "inbox" });
    const toStars = (old: { title: string; list: string }) => ({ ...old, stars: 0 });
    const added = version === 1 ? title : event(title).next(listed, toList).next(rated, toStars);
    const given = version === 1 ? title : input(title).next(listed, toList).next(rated, toStars);
    const item = aggregate("item", {
      version,
      initial: null as { title: string } | null,
      events: { Added: added },
      evolve: { Added: (_, { data }) => ({ title: data.title }) },
      commands: { add: { input: given, decide: (_, wanted, { emit }) => emit("Added", wanted) } },
    });
    return { item, domain: defineDomain({ version, aggregates: [item] }) };
  };
  const [old, newest] = [release(1), release(3)];
  const { url } = await server({ domain: newest.domain });
  const adas = device(old.domain, "team", "ada");
  const before = await open(adas, { url, transport: noNetwork });
  const commit = await execute(before, { stream: "item/i1", name: "add", v: 1, input: { title: "Milk" } });
  await before.close();
  pass(3);
  const ada = await open(adas, { url, release: newest.domain });
  expect(await settled(ada, commit)).toMatchObject({ outcome: "rebased" });
  expect(unwrap(await ada.api.history("item/i1"))).toMatchObject([
    { type: "Added", data: { title: "Milk", list: "inbox", stars: 0 } },
  ]);
});
