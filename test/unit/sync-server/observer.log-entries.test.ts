// The entries that `onLog` receives from a real server.
import { Writable } from "node:stream";
import { afterEach, expect, test } from "vitest";
import type { LogEntry } from "../../../src/sync-server/app.ts";
import { jsonLines } from "../../../src/sync-server/node.ts";
import { domain, task } from "../../support/board-domain.ts";
import { until } from "../../support/device.ts";
import { liveClient } from "../../support/live-client.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { runningServer } from "../../support/running-server.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";

const { start, stopAll } = runningServer();
afterEach(stopAll);
const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });

function journal() {
  const entries: LogEntry[] = [];
  const of = (event: string) => entries.filter((entry) => entry.event === event);
  return { entries, of, onLog: (entry: LogEntry) => void entries.push(entry) };
}

test("onLog: a push is one entry with its actor, its sizes and its outcomes", async () => {
  const { onLog, of, entries } = journal();
  const { person, url } = await start({ onLog });
  const ada = person("ada");
  await ada.push([ada.commit(add("t1")), ada.commit(add("t1"))]);
  expect(of("started")).toEqual([{ level: "info", event: "started", url }]);
  const [push] = of("push");
  expect(push).toMatchObject({
    level: "info",
    event: "push",
    log: "board",
    actor: "ada",
    commits: 2,
    recorded: 1,
    rejected: 1,
    empty: 0,
  });
  expect(push?.bytes).toBeGreaterThan(200);
  expect(push?.ms).toBeGreaterThanOrEqual(0);
  expect(entries).toHaveLength(2);
});

test("onLog: a refusal is one entry with its code, and with the actor once the sender is known", async () => {
  const { onLog, of, entries } = journal();
  const { person } = await start({
    onLog,
    permit: (_, { log }) => log === "board",
    limits: { commitRate: { perSecond: 1, burst: 1 } },
  });
  const [ada, bob] = [person("ada"), person("bob", "secret")];
  await ada.request("", undefined, { authorization: "Bearer wrong" });
  await bob.request("");
  await ada.push([ada.commit(add("t1"))]);
  await ada.request("commits", { after: null, domain: domain.definition.version, commits: [ada.commit(add("t2"))] });
  await ada.request("nowhere");
  expect(of("refused")).toEqual([
    { level: "info", event: "refused", log: "board", code: "unauthorized" },
    { level: "info", event: "refused", log: "secret", actor: "bob", code: "forbidden" },
    { level: "info", event: "refused", log: "board", actor: "ada", code: "rate-limited" },
    { level: "info", event: "refused", code: "not-found" },
  ]);
  expect(entries).toHaveLength(6);
});

test("onLog: a socket has an entry when it opens, and one with the reason when it closes", async () => {
  const { onLog, of } = journal();
  const { url, server } = await start({ onLog });
  const holder = { log: "board", actor: "bob" };
  const left = await liveClient(url, "bob");
  expect(of("socket-opened")).toEqual([{ level: "info", event: "socket-opened", ...holder }]);
  left.close();
  await until(() => of("socket-closed").length === 1, "the client's end");
  const dropped = await liveClient(url, "bob");
  await server.drop("board");
  await dropped.closed;
  await until(() => of("socket-closed").length === 2, "the end by the drop");
  expect(of("socket-closed")).toMatchObject([
    { ...holder, code: "client" },
    { ...holder, code: "gone" },
  ]);
  expect(of("drop")).toMatchObject([{ level: "info", log: "board" }]);
});

test("onLog: export, import and a failed import have entries with their sizes", async () => {
  const { onLog, of } = journal();
  const { person } = await start({ onLog });
  const ada = person("ada");
  await ada.push([ada.commit(add("t1"), add("t2"))]);
  const archive = await (await ada.request("export")).text();
  expect(of("export")).toMatchObject([{ log: "board", actor: "ada", bytes: Buffer.byteLength(archive) }]);
  const { server } = await start({ onLog });
  await server.importLog("board", archive.trimEnd().split("\n"));
  await expect(server.importLog("other", archive.trimEnd().split("\n"))).rejects.toThrow("cannot be imported");
  expect(of("import")).toMatchObject([
    { level: "info", log: "board", records: 1, events: 2 },
    { level: "warn", log: "other", code: "invalid" },
  ]);
});

test("onLog: a failing store is `store-failed`, and an app's error has no text and no code", async () => {
  const { onLog, of } = journal();
  const store = sqlite(":memory:");
  let fails = false;
  const permit = () => {
    if (fails) throw Object.assign(new Error("the secret"), { code: "the-secret" });
    return true;
  };
  const { person } = await start({ onLog, store, permit, onError: () => {} });
  const ada = person("ada");
  fails = true;
  expect((await ada.request("")).status).toBe(503);
  fails = false;
  await store.close();
  const body = { after: null, domain: domain.definition.version, commits: [ada.commit(add("t1"))] };
  await ada.request("commits", body);
  expect(of("failed")).toEqual([{ level: "error", event: "failed", code: "unexpected" }]);
  expect(of("store-failed")).toContainEqual({ level: "error", event: "store-failed", code: "storage-lost" });
});

test("onLog: a function that throws or rejects disturbs no request", async () => {
  for (const onLog of [
    () => {
      throw new Error("the disk of the logs is full");
    },
    () => Promise.reject(new Error("the disk of the logs is full")),
  ]) {
    const { person } = await start({ onLog });
    const ada = person("ada");
    expect((await ada.push([ada.commit(add("t1"))])).outcomes).toHaveLength(1);
  }
});

test("onLog: a server that stops writes `stopped` with its time", async () => {
  const { onLog, of } = journal();
  const { close } = await start({ onLog });
  await close();
  expect(of("stopped")).toMatchObject([{ level: "info", ms: expect.any(Number) as number }]);
});

test("jsonLines: writes one line of JSON for each entry, with its time", async () => {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk, _, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  const { person } = await start({ onLog: jsonLines(stream) });
  const ada = person("ada");
  await ada.push([ada.commit(add("t1", "two\nlines"))]);
  expect(lines).toHaveLength(2);
  for (const line of lines) expect(line).toMatch(/^\{"time":"20\d\d-[^\n]+\}\n$/);
  expect(parseOwnJson<LogEntry>(lines[1] ?? "")).toMatchObject({ event: "push", commits: 1 });
});
