// A worker that starts late, wrongly or not at all. Opening a log ends in each case.
import { afterEach, expect, test } from "vitest";
import { type LogHandle, openLog } from "../../src/client/open-log.ts";
import { signOfLife } from "../../src/client/messages/worker-messages.ts";
import { connectWorker } from "../../src/client/page/connect-worker.ts";
import { board, task } from "../support/board-domain.ts";
import { containing } from "../support/matchers.ts";

const silent = () => new Worker(new URL("../support/browser/silent.worker.ts", import.meta.url), { type: "module" });
const late = () => new Worker(new URL("../support/browser/late.worker.ts", import.meta.url), { type: "module" });
const stuck = () => new Worker(new URL("../support/browser/stuck.worker.ts", import.meta.url), { type: "module" });
const denied = () => new Worker(new URL("../support/browser/denied.worker.ts", import.meta.url), { type: "module" });
const slow = () => new Worker(new URL("../support/browser/slow.worker.ts", import.meta.url), { type: "module" });
const scriptOf = (text: string) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
const fresh = () => `log-${crypto.randomUUID()}`;
const handles: LogHandle[] = [];
afterEach(async () => {
  for (const handle of handles.splice(0)) await handle.close();
});
/** A shared worker whose script has run. A busy machine may take longer for it than the ticks below. */
const served = async (worker: Worker): Promise<Worker> => {
  await new Promise<void>((resolve) =>
    worker.addEventListener("message", ({ data }) => {
      if (data === signOfLife.serving) resolve();
    }),
  );
  return worker;
};
/** A tick of 100 milliseconds instead of a second. */
const connect = (worker: Worker | (() => Worker), log = fresh(), tickMs = 100) =>
  connectWorker({
    worker,
    options: { log, user: "ada", syncUrl: null, visible: true },
    callbacks: {
      token: () => Promise.resolve(null),
      headers: async () => ({}),
      onOtherServer: () => Promise.resolve(false),
    },
    onUpdate: () => {},
    tickMs,
  });
const open = async (worker: Worker | (() => Worker)) => {
  const handle = await openLog(fresh(), { worker, user: "ada" });
  handles.push(handle);
  return handle;
};

test("openLog: opens the log of a worker that awaits something before it calls serveLog", async () => {
  const log = await open(late);
  const receipt = await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  expect(await log.settled(receipt)).toMatchObject({ outcome: "accepted" });
});

test("openLog: opens a second log in a worker that serves one already", async () => {
  const shared = late();
  const logs = [await open(shared), await open(shared)];
  for (const log of logs) await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  expect(logs.map((log) => log.status.get().reduced)).toEqual([[], []]);
  await logs[0]?.close();
  await logs[1]?.execute(task.command.rename("t1", { title: "Bread" }));
  handles.shift();
});

test("connectWorker: names a script that never calls serveLog, and ends the worker", async () => {
  // Its modules must load first, which took Firefox more than 4 s on a busy machine.
  await expect(connect(silent, fresh(), 500)).rejects.toMatchObject({
    code: "storage-lost",
    details: { reason: "worker-starting" },
    message: containing("has not called serveLog. Its script waits at a top-level await, or never calls it"),
    fix: containing("before any await"),
  });
});

test("connectWorker: names a script that does not use dacapo/worker, and ends the worker", async () => {
  const name = fresh();
  const address = scriptOf(
    `const channel = new BroadcastChannel("${name}"); setInterval(() => channel.postMessage("alive"), 10)`,
  );
  let beats = 0;
  const channel = new BroadcastChannel(name);
  channel.onmessage = () => beats++;
  await expect(connect(() => new Worker(address, { type: "module" }))).rejects.toMatchObject({
    details: { reason: "worker-loading" },
    message: containing("does not use dacapo/worker"),
  });
  expect(beats).toBeGreaterThan(0);
  // Beats that the worker sent before its end may arrive later on a busy machine. A worker that runs never stops them.
  do {
    beats = 0;
    await new Promise((resolve) => setTimeout(resolve, 300));
  } while (beats > 0);
  channel.close();
});

test("connectWorker: names a worker whose storage does not answer", async () => {
  const worker = await served(stuck());
  await expect(connect(worker)).rejects.toMatchObject({
    details: { reason: "worker-opening" },
    message: containing("has not opened the log"),
  });
  worker.terminate();
});

test("connectWorker: a shared worker closes a log that it opened too late, and serves other logs", async () => {
  const shared = await served(slow());
  const name = fresh();
  const channel = new BroadcastChannel(`dacapo:${name}:ada`);
  const isOpened = new Promise((resolve) => (channel.onmessage = resolve));
  const leads = async () => {
    const { held = [] } = await navigator.locks.query();
    return held.some((lock) => lock.name === `dacapo:${name}:ada:leader`);
  };
  await expect(connect(shared, name)).rejects.toMatchObject({ details: { reason: "worker-opening" } });
  const log = await open(shared);
  await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  const slowDatabase = new BroadcastChannel("slow-database");
  slowDatabase.postMessage("open");
  await isOpened;
  await expect.poll(leads).toBe(false);
  for (const each of [channel, slowDatabase]) each.close();
});

test("openLog: names a worker that the browser does not start", async () => {
  const worker = () => new Worker("https://elsewhere.example/log.worker.js", { type: "module" });
  // Firefox starts it, and reports afterwards that the script cannot be loaded.
  const isFirefox = navigator.userAgent.includes("Firefox");
  await expect(openLog(fresh(), { worker, user: "ada" })).rejects.toMatchObject({
    code: "storage-lost",
    details: { reason: isFirefox ? "worker-script" : "worker-not-started" },
    fix: containing(isFirefox ? "worker's address" : "own origin"),
  });
});

test("openLog: ends a worker that it started if the log cannot be opened", async () => {
  let isEnded = false;
  const worker = () => {
    const started = late();
    const terminate = started.terminate.bind(started);
    started.terminate = () => {
      isEnded = true;
      terminate();
    };
    return started;
  };
  await expect(openLog("no name", { worker, user: "ada" })).rejects.toMatchObject({ code: "invalid" });
  expect(isEnded).toBe(true);
});

test("openLog: without IndexedDB, keeps the log in memory and says so in its status", async () => {
  const log = await open(denied);
  await log.rows(board).ready;
  const receipt = await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  expect(await log.settled(receipt)).toMatchObject({ outcome: "accepted" });
  expect(log.rows(board).row("task/t1")?.row.title).toBe("Milk");
  expect(log.status.get()).toMatchObject({ leader: true, reduced: [{ feature: "storage" }] });
  expect(log.status.get().reduced[0]?.message).toContain("Closing the tab deletes unsent work");
});
