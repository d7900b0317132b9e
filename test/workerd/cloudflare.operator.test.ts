// The operator's calls to objects, in real workerd: rows, read models, streams and commands, as on Node.
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, expect, test } from "vitest";
import type { DomainEvent } from "../../src/core/domain/event.ts";
import { board, columnCounts, task } from "../support/board-domain.ts";
import { names } from "../support/names-domain.ts";
import { acceptedCalls, WRONG } from "../support/wrong-calls.ts";
import { app, workLogs, workWorker } from "./worker.ts";

afterEach(() => void (app.errors.length = 0));

let made = 0;
const newOperator = () => {
  const name = `operated-${++made}`;
  const stub = () => env.WORK_LOGS.getByName(name);
  return {
    ...workLogs(env).log(name),
    name,
    abort: () => runInDurableObject(stub(), (_, ctx) => ctx.abort("a crash")).catch(() => {}),
    runAlarm: () => runDurableObjectAlarm(stub()),
    alarm: () => runInDurableObject(stub(), (_, { storage }) => storage.getAlarm()),
    sql: (query: string) => runInDurableObject(stub(), (_, { storage }) => void storage.sql.exec(query)),
  };
};
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

test("operator: execute, load, exists, stateAt and history of an object answer as on Node", async () => {
  const log = newOperator();
  const { events, at, outcome } = await log.execute([add("t1"), task.command.rename("t1", { title: "b" })], {
    actor: "import",
    meta: { from: "file" },
  });
  expect({ outcome, types: events.map(({ type }) => type) }).toEqual({
    outcome: "recorded",
    types: ["TaskAdded", "TaskRenamed"],
  });
  expect(await log.load(task, "t1")).toMatchObject({ state: { title: "b" }, version: 2, at });
  expect(await log.stateAt(task, "t1", { version: 1 })).toMatchObject({ title: "t1" });
  expect([await log.exists(task, "t1"), await log.exists(task, "t2")]).toEqual([true, false]);
  const history: DomainEvent[] = [];
  for await (const event of log.history(task, "t1", { after: 1 })) history.push(event);
  expect(history).toEqual([{ ...events[1] }]);
});

test("operator: an error of an object keeps its class, its code and its details", async () => {
  const log = newOperator();
  await expect(log.execute(task.command.rename("none", { title: "b" }))).rejects.toMatchObject({
    name: "RejectedError",
    code: "rejected",
    details: { code: "no-such-task" },
  });
  await log.execute(add("t1"));
  await expect(log.execute(add("t2"), { expectedVersion: 4 })).rejects.toMatchObject({ code: "concurrency" });
  await expect(log.rows(names)).rejects.toMatchObject({ code: "definition" });
  await expect(log.models.delete(board, "\ud800")).rejects.toMatchObject({ code: "invalid" });
  await expect(log.models.status("nothing")).rejects.toMatchObject({ code: "definition" });
  await workLogs(env).drop(log.name);
  await expect(log.load(task, "t1")).rejects.toMatchObject({ code: "gone" });
  await expect(async () => {
    for await (const event of log.history(task, "t1")) throw new Error(event.type);
  }).rejects.toMatchObject({ code: "gone" });
  expect(() => workLogs(env).log("not a name")).toThrow("is not 1 to 128 of A-Z a-z 0-9");
});

test("operator: every call with a wrong argument is refused by a typed error, as on Node", async () => {
  const log = newOperator();
  await log.execute(add("t0"));
  expect(await acceptedCalls(log, { subscribers: "mailer", processes: "none" })).toEqual([]);
  // The runtime copies no symbol.
  const symbols = [
    ["execute", [task.command.add("t1", { title: "a", column: "todo" }), { meta: WRONG }], [Symbol("s")]],
  ] as const;
  expect(await acceptedCalls(log, { subscribers: "mailer", processes: "none" }, symbols)).toEqual([]);
  expect((await log.load(task, "t1")).version).toBe(0);
});

test("operator: every verb of read models works in an object", async () => {
  const log = newOperator();
  const { models } = log;
  const { at } = await log.execute(["t1", "t2", "t3"].map(add));
  expect((await log.rows(board, { at })).rows.map(({ key }) => key)).toEqual(["task/t1", "task/t2", "task/t3"]);
  await expect.poll(async () => (await models.list()).map(({ phase }) => phase)).toEqual(["ready", "ready"]);

  const progress: string[] = [];
  const job = await models.rebuild(board, { onProgress: ({ phase }) => void progress.push(phase) });
  expect(job.models).toEqual(["board"]);
  expect(await job.finished()).toMatchObject({ phase: "done", done: 3, of: 3 });
  expect(progress.at(-1)).toBe("done");
  expect(await models.job(board)).toBeNull();
  expect((await models.status("board")).job).toMatchObject({ phase: "done" });

  expect(await models.verify(board)).toMatchObject({ rows: 3, differences: [], more: false });
  await models.delete(board, "task/t2");
  expect((await log.rows(board)).rows).toHaveLength(2);
  expect(await models.parked(board)).toEqual([]);
  await models.purge(board);
  await expect(log.rows(board, { waitMs: 0 })).rejects.toMatchObject({ code: "rows-not-populated" });
  expect(await (await models.populate([board, columnCounts])).finished()).toMatchObject({ phase: "done" });
  expect((await log.rows(board, { prefix: "task/", limit: 2 })).next).toBe("task/t2");

  const replayed: string[] = [];
  const into = ({ stream }: DomainEvent) => void replayed.push(stream);
  expect(await models.replay({ after: 1, to: 3, into })).toBe(2);
  expect(replayed).toEqual(["task/t2", "task/t3"]);
  expect(await models.replay({ types: ["TaskRenamed"], into })).toBe(0);
});

test("operator: verify finds a row that was changed in the storage of an object", async () => {
  const log = newOperator();
  const { at } = await log.execute(add("t1"));
  await log.rows(board, { at });
  await log.sql(`update dacapo_rows set row = '{"title":"other"}' where key like '%t1'`);
  const { differences } = await log.models.verify(board);
  expect(differences).toMatchObject([{ key: "task/t1", stored: { title: "other" }, folded: { title: "t1" } }]);
});

/** A log with 1,000 tasks, whose rows are there. */
async function filledLog() {
  const log = newOperator();
  const { models } = log;
  for (let n = 0; n < 20; n++) await log.execute(Array.from({ length: 50 }, (_, m) => add(`t${n}-${m}`)));
  await expect.poll(async () => (await models.list())[0]?.behind).toBe(0);
  return log;
}

test("operator: a job is paused and resumed through another call", async () => {
  const { models } = await filledLog();
  const job = await models.rebuild(board, { duty: 0.05 });
  await (await models.job(board))?.pause();
  expect((await job.progress()).phase).toBe("paused");
  await (await models.job("board"))?.resume();
  expect(await job.finished()).toMatchObject({ phase: "done", done: 1_000 });
});

test("operator: a job that a request of an operator began continues in a killed object", async () => {
  const log = await filledLog();
  const body = JSON.stringify({ duty: 0.05 });
  const headers = { authorization: "Bearer token-of-ada", "content-type": "application/json" };
  const url = `https://example.org/sync/logs/${log.name}/models/board/rebuild`;
  expect((await workWorker.fetch(new Request(url, { method: "POST", headers, body }), env)).status).toBe(200);
  await log.abort();
  expect(await log.alarm()).not.toBeNull();
  await log.runAlarm();
  expect((await log.models.status(board)).job).toMatchObject({ phase: "done", done: 1_000 });
});

test("operator: a job of a killed object continues by the alarm, without a visitor", async () => {
  const log = await filledLog();
  const { models } = log;
  const job = await models.rebuild(board, { duty: 0.05 });
  await log.abort();
  expect(await log.alarm()).not.toBeNull();
  // Reading the progress starts nothing.
  expect((await job.progress()).phase).toBe("running");
  await log.runAlarm();
  expect(await job.progress()).toMatchObject({ phase: "done", done: 1_000, of: 1_000 });
  expect(await models.verify(board)).toMatchObject({ rows: 1_000, differences: [] });
});
