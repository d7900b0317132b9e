// Each call of a log with a wrong argument is refused by a typed error, and a program without types learns why.
import { afterEach, expect, test } from "vitest";
import { type SyncServer, syncServer } from "../../../../src/sync-server/app.ts";
import { bearer } from "../../../../src/sync-server/access/authorize.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { flow, mailer, titles } from "../../../support/board-followers.ts";
import { acceptedCalls, WRONG } from "../../../support/wrong-calls.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

async function started(): Promise<ReturnType<SyncServer["log"]>> {
  const server = syncServer({
    domain: domain,
    store: sqlite(":memory:"),
    authorize: bearer({ tokens: { "adas-secret": "ada" } }),
    models: [board, titles],
    subscribers: [mailer, flow],
  });
  servers.push(server);
  const log = server.log("board");
  const { at } = await log.execute(task.command.add("t0", { title: "Bread", column: "todo" }));
  await log.rows(board, { at });
  return log;
}

test("server.log: every call with a wrong argument is refused by a typed error", async () => {
  const log = await started();
  const text = (t: { title: string }) => `select id from ${t.title}`;
  const more = [
    ["query", [titles, WRONG], [null, undefined, 1, "select 1", {}, () => null, () => 1]],
    ["query", [titles, text, WRONG], [null, 1, "a", {}, [{}]]],
    ["query", [titles, text, [], WRONG], [null, 1, "a", []]],
    ["subscribe", [WRONG], [null, 1, "beginning", []]],
    ["subscribe", [{ from: WRONG }], [null, 1, "then", [], true]],
    ["subscribe", [{ from: { cursor: WRONG } }], [undefined, 1, "then", {}]],
    ["subscribe", [{ from: "beginning", types: WRONG }], [null, 1, "TaskAdded", {}, [1]]],
    ["subscribe", [{ from: "beginning", streams: WRONG }], [null, 1, "task/t1", {}, [1]]],
    ["subscribe", [{ from: "beginning", signal: WRONG }], [null, 1, {}, new AbortController()]],
  ] as const;
  expect(await acceptedCalls(log, { subscribers: "mailer", processes: "flow" }, more)).toEqual([]);
  expect((await log.rows(board)).rows.map(({ key }) => key)).toEqual(["task/t0"]);
  expect((await log.load(task, "t1")).version).toBe(0);
});

test("server: log, drop and importLog refuse what is not the name of a log, and store nothing", async () => {
  const store = sqlite(":memory:");
  const server = syncServer({ domain, store, authorize: bearer({ tokens: { "adas-secret": "ada" } }) });
  servers.push(server);
  const { log, drop, importLog }: Record<"log" | "drop" | "importLog", (...args: never[]) => unknown> = server;
  for (const name of [null, undefined, 1, true, {}, "a b"] as never[]) {
    expect(() => log(name)).toThrow("is not 1 to 128 of A-Z a-z 0-9");
    await expect(drop(name)).rejects.toMatchObject({ code: "invalid" });
    await expect(importLog(name, [] as never)).rejects.toMatchObject({ code: "invalid" });
  }
  expect(await store.logs()).toEqual([]);
});

test("server.log: the error of a handle that is undefined names a likely cause", async () => {
  const log = await started();
  const rows: (model: never) => Promise<unknown> = log.rows;
  await expect(rows(undefined as never)).rejects.toMatchObject({
    code: "invalid",
    message: "undefined is not a model",
    fix: "Pass the handle. If an import is undefined here, two files may import each other.",
  });
});
