// A new device joins a long log from a base: what it shows, decides and keeps, and when it takes the whole log instead.
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { defineDomain } from "dacapo";
import { packTables } from "../../../../src/core/fold/packed-tables.ts";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { Replica } from "../../../../src/core/replica/replica.ts";
import { recordsOf } from "../../../../src/client/stores/batches.ts";
import type { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { board, column, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { type Device, device, type Tab, until } from "../../../support/device.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { readBase, sortedBuckets } from "../../../support/read-base.ts";
import { startServer } from "../../../support/server.ts";

const LOG = "board";
const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

type Running = { readonly url: string; readonly close: () => Promise<void> };

/** A server with a log of tasks and a base. Pages are small, so that a new device meets more than one. */
async function serverWithBase(tasks = 30, base: { readonly everyEvents: number } | false = { everyEvents: 10 }) {
  const server = await startServer({ base, limits: { pageEventsMax: 5 } });
  undo.push(server.close);
  const ada = await opened(device(domain, LOG, "ada"), server);
  await ada.execute([column.command.add("todo", { name: "To do" })]);
  for (let n = 0; n < tasks; n++)
    await ada.execute([task.command.add(`t${n}`, { title: `Task ${n}`, column: "todo" })]);
  await until(() => ada.status().pending === 0, "the tasks are recorded");
  if (base) await until(async () => (await baseOf(server)) !== null, "a base");
  return { server, ada };
}

async function baseOf({ url }: Running) {
  const request = async (path: string) =>
    fetch(`${url}/logs/${LOG}/${path}`, { headers: { authorization: "Bearer bob" } });
  return readBase({ request });
}

async function opened(of: Device, server: Running, options: Parameters<Device["open"]>[0] = {}): Promise<Tab> {
  const tab = await of.open({ url: server.url, ...options });
  undo.push(tab.close);
  return tab;
}

/** Counts the calls of a device. */
function counted(calls: string[], change: Partial<Transport> = {}): (inner: Transport) => Transport {
  return (inner) => ({
    ...inner,
    pull: (...args) => (calls.push("pull"), inner.pull(...args)),
    base: () => (calls.push("base"), inner.base?.() ?? Promise.resolve(null)),
    basePage: (...args) => (calls.push("page"), inner.basePage?.(...args) ?? Promise.resolve(null)),
    ...change,
  });
}

async function firstPosition(database: MemoryDatabase): Promise<number> {
  const { batches } = await memoryLogStore(database).refresh({ position: 0, pendingTail: 0 });
  return batches[0] ? (recordsOf(batches[0])[0]?.position ?? 0) : 0;
}

const sameRows = (left: Tab, right: Tab) =>
  expect(Object.fromEntries(left.rows("board"))).toEqual(Object.fromEntries(right.rows("board")));

test("P32 join: a new device takes the base and what follows, and shows all rows", async () => {
  const { server, ada } = await serverWithBase();
  const calls: string[] = [];
  const new_ = device(domain, LOG, "bob");
  const bob = await opened(new_, server, { transport: counted(calls) });
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(calls.slice(0, 3)).toEqual(["pull", "base", "page"]);
  expect(await firstPosition(new_.database)).not.toBe(1);
  sameRows(bob, ada);
});

test("join: the stored rows are those of a device that folded the whole log, byte for byte", async () => {
  const { server, ada } = await serverWithBase();
  const joined = device(domain, LOG, "bob");
  const bob = await opened(joined, server);
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  const store = memoryLogStore(joined.database);
  const { checkpoint, tables } = (await store.readRows()) ?? { checkpoint: null, tables: [] };
  const replica = new Replica(domain.definition);
  const whole = await fetch(`${server.url}/logs/${LOG}/export`, { headers: { authorization: "Bearer bob" } });
  const records = (await whole.text())
    .split("\n")
    .flatMap((line) =>
      line.startsWith('{"record"') ? [parseOwnJson<{ readonly record: CommitRecord }>(line).record] : [],
    );
  replica.apply(
    records.filter(({ position }) => position <= (checkpoint?.position ?? 0)),
    Date.now(),
  );
  expect(sortedBuckets(tables)).toEqual(sortedBuckets(packTables(domain.definition, replica.confirmed)));
});

test("join: a device without a network shows rows and decides after a restart, and rebases later", async () => {
  const { server, ada } = await serverWithBase();
  const joined = device(domain, LOG, "bob");
  const first = await joined.open({ url: server.url });
  await until(() => first.status().position === ada.status().position, "bob has the log");
  await first.close();
  const bob = await opened(joined, server, { paused: true });
  sameRows(bob, ada);
  expect(await bob.execute([task.command.rename("t3", { title: "Offline" })])).toMatchObject({ ok: true });
  expect(await bob.execute([task.command.rename("none", { title: "x" })])).toMatchObject({ ok: false });
  expect(bob.rows("board").get("task/t3")).toMatchObject({ pending: true, row: { title: "Offline" } });
  bob.api.setPaused(false);
  await until(() => bob.status().pending === 0 && bob.status().rejections === 0, "bob's work is recorded");
  await until(() => JSON.stringify(ada.rows("board").get("task/t3")).includes("Offline"), "ada sees it");
});

test("join: pending work that was made before stays, and is recorded", async () => {
  const { server, ada } = await serverWithBase();
  const joined = device(domain, LOG, "bob");
  const bob = await opened(joined, server, { paused: true });
  await bob.execute([task.command.add("mine", { title: "Mine", column: "todo" })]);
  bob.api.setPaused(false);
  await until(() => bob.status().pending === 0, "bob's work is recorded");
  await until(() => bob.status().position === ada.status().position, "both have the log");
  expect(await firstPosition(joined.database)).not.toBe(1);
  sameRows(bob, ada);
});

test("join: a device with pending work joins also if the base takes longer than a push", async () => {
  const { server, ada } = await serverWithBase();
  const joined = device(domain, LOG, "bob");
  const slow = (inner: Transport): Transport => ({
    ...inner,
    // The loop reads on after two seconds without an answer to a push.
    basePage: async (...args) => (await sleep(3_000), inner.basePage?.(...args) ?? null),
  });
  const bob = await opened(joined, server, { transport: slow, paused: true });
  await bob.execute([task.command.add("mine", { title: "Mine", column: "todo" })]);
  bob.api.setPaused(false);
  await until(() => bob.status().position > 0, "bob has rows");
  await until(() => bob.status().pending === 0 && bob.status().position === ada.status().position, "bob has the log");
  expect(await firstPosition(joined.database)).not.toBe(1);
  sameRows(bob, ada);
});

test.each([
  ["a page is damaged", { basePage: async () => "[[" }],
  ["a server has no base", { base: async () => null }],
  ["a base is gone each time", { basePage: async () => null }],
  ["a base has tables of another version", { base: async () => otherVersion() }],
])("join: if %s, the device pulls the whole log", async (_, change) => {
  const { server, ada } = await serverWithBase();
  const joined = device(domain, LOG, "bob");
  const bob = await opened(joined, server, { transport: counted([], change) });
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(await firstPosition(joined.database)).toBe(1);
  sameRows(bob, ada);
});

function otherVersion() {
  const answer = { cursor: { position: 10, mark: "m" }, tables: ["$streams<column@1,task@2"], pages: [] };
  return { kind: "answer", answer, text: "" } as const;
}

test("join: a base that changes while a device reads it is read again", async () => {
  const { server, ada } = await serverWithBase();
  const calls: string[] = [];
  let isFirst = true;
  const joined = device(domain, LOG, "bob");
  const bob = await opened(joined, server, {
    transport: (inner) =>
      counted(calls, {
        basePage: async (cursor, n) => {
          if (!isFirst) return inner.basePage?.(cursor, n) ?? null;
          isFirst = false;
          return null;
        },
      })(inner),
  });
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(calls.filter((call) => call === "base")).toHaveLength(2);
  expect(await firstPosition(joined.database)).not.toBe(1);
});

test("join: a server without the option costs one request, and only for a long log", async () => {
  const { server, ada } = await serverWithBase(12, false);
  const calls: string[] = [];
  const bob = await opened(device(domain, LOG, "bob"), server, { transport: counted(calls) });
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(calls.filter((call) => call !== "pull")).toEqual(["base"]);
});

test("join: history, stateAt, rowsAt and rebuild from before the base say so", async () => {
  const { server, ada } = await serverWithBase();
  const bob = await opened(device(domain, LOG, "bob"), server);
  await until(() => bob.status().position === ada.status().position, "bob has the log");
  expect(await bob.api.history("task/t1")).toMatchObject({ ok: false, error: { details: { code: "before-base" } } });
  expect(await bob.api.stateAt("task/t1", 1)).toMatchObject({ ok: false, error: { details: { code: "before-base" } } });
  const error = { details: { code: "before-base" } };
  expect(await bob.api.rowsAt("board", 1)).toMatchObject({ ok: false, error });
  expect(await bob.api.rebuild("board", () => Promise.resolve())).toMatchObject({ ok: false, error });
  expect(await bob.api.stateAt("task/t1", null)).toMatchObject({ ok: true });
  await bob.execute([task.command.add("new", { title: "New", column: "todo" })]);
  await until(() => bob.status().pending === 0, "the task is recorded");
  expect(await bob.api.history("task/new")).toMatchObject({ ok: true, value: [{ type: "TaskAdded" }] });
});

test("join: a release with other rows drops the base and shows the rows of the whole log", async () => {
  const { server, ada } = await serverWithBase();
  const joined = device(domain, LOG, "bob");
  const first = await joined.open({ url: server.url });
  await until(() => first.status().position === ada.status().position, "bob has the log");
  await first.execute([task.command.add("mine", { title: "Mine", column: "todo" })]);
  await first.close();
  const release = defineDomain({
    version: 2,
    aggregates: [task, column],
    projections: [{ ...board, definition: { ...board.definition, version: 2 } }, columnCounts],
  });
  const bob = await opened(joined, server, { release });
  await until(() => bob.status().position === ada.status().position && bob.status().pending === 0, "bob has the log");
  expect(await firstPosition(joined.database)).toBe(1);
  sameRows(bob, ada);
  expect(bob.rows("board").get("task/mine")).toBeDefined();
});
