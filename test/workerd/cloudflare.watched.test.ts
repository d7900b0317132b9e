// An operator's view of a Worker and its objects: entries, spans and metrics.
import { env } from "cloudflare:workers";
import { expect, test } from "vitest";
import { task } from "../support/board-domain.ts";
import { newLog } from "./log-object.ts";
import { app, smallWorker } from "./worker.ts";

test("onLog, telemetry: pushes, sockets and refusals of the Worker and of an object are reported", async () => {
  app.entries.length = 0;
  const { log, person, live } = newLog(smallWorker, env.SMALL_LOGS);
  const ada = person("ada");
  const socket = await live("token-of-ada");
  await ada.push([ada.commit(task.command.add("t1", { title: "Milk", column: "todo" }))]);
  await socket.next("records");
  const refused = await ada.request("", undefined, { authorization: "Bearer wrong" });
  expect(refused.status).toBe(401);
  expect(app.entries).toMatchObject([
    { event: "socket-opened", log, actor: "ada" },
    { event: "push", log, actor: "ada", commits: 1, recorded: 1 },
    { event: "refused", log, code: "unauthorized" },
  ]);
  const { named, metric } = app.telemetry;
  const [push] = named("dacapo.push");
  const [append] = named("dacapo.append");
  expect(push?.attributes).toMatchObject({ "dacapo.log": log, "dacapo.commits": 1 });
  expect(append?.spanContext().traceId).toBe(push?.spanContext().traceId);
  expect(await metric("dacapo.frame.lag")).toMatchObject([{ count: 1 }]);
  expect(await metric("dacapo.refusals")).toMatchObject([{ value: 1, attributes: { "error.type": "unauthorized" } }]);
  expect(app.errors.splice(0)).toEqual([]);
});
