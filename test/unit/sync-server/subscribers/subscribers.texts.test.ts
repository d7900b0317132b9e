// The texts that an operator of subscribers reads: the reason of a failed request, and the fix of a wrong name.
import { once } from "node:events";
import { createServer } from "node:net";
import { afterEach, expect, test } from "vitest";
import { processManager, subscriber, type SyncServer } from "../../../../src/sync-server/app.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { testServer } from "../../../support/sync-requests.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

/** A port at which no program listens. */
async function closedPort(): Promise<number> {
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const address = taken.address();
  taken.close();
  await once(taken, "close");
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return address.port;
}

/** The reasons of the parked events of a handler that throws. */
async function reasonsOf(handler: () => Promise<unknown>): Promise<readonly string[]> {
  const mailer = subscriber("mailer", {
    from: [task],
    start: "beginning",
    retry: { attempts: 1 },
    on: { TaskAdded: async () => void (await handler()) },
  });
  const server = testServer({ subscribers: [mailer], onError: () => {} });
  servers.push(server);
  const log = server.log("board");
  await log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  await until(async () => (await log.subscribers.parked(mailer)).length === 1, "a parked event");
  return (await log.subscribers.parked(mailer)).map(({ reason }) => reason);
}

test("subscriber: the reason of a failed fetch names the address that did not answer", async () => {
  const port = await closedPort();
  const reasons = await reasonsOf(async () => fetch(`http://127.0.0.1:${port}/send`));
  expect(reasons).toEqual([`TypeError: fetch failed, because of Error: connect ECONNREFUSED 127.0.0.1:${port}`]);
});

test("subscriber: the reason names the first error of several below, also without a message", async () => {
  const several = new AggregateError([new Error("connect ECONNREFUSED ::1:9025"), new Error("another")]);
  const reasons = await reasonsOf(async () => {
    await Promise.resolve();
    throw new TypeError("fetch failed", { cause: several });
  });
  expect(reasons).toEqual(["TypeError: fetch failed, because of Error: connect ECONNREFUSED ::1:9025"]);
});

test("subscriber: the reason of an error that is its own cause has an end", async () => {
  const circle = new Error("a circle");
  circle.cause = circle;
  const hostile = new Error("hostile");
  Object.defineProperty(hostile, "cause", {
    get: () => {
      throw new Error("no cause");
    },
  });
  const thrown = [circle, hostile];
  for (const error of thrown) {
    const [reason = ""] = await reasonsOf(async () => {
      await Promise.resolve();
      throw error;
    });
    expect(reason.startsWith(`Error: ${error.message}`)).toBe(true);
    expect(reason.length).toBeLessThan(200);
  }
});

test("subscriber: the reason of a handler that throws undefined is not empty", async () => {
  const reasons = await reasonsOf(async () => {
    await Promise.resolve();
    return (function* () {
      yield 0;
    })().throw(undefined);
  });
  expect(reasons).toEqual(["undefined"]);
});

test("subscribers, processes: the error of a wrong name lists the names that the server has", async () => {
  const mailer = subscriber("mailer", { from: [task], start: "beginning", on: { TaskAdded: () => {} } });
  const steps = processManager("steps", {
    version: 1,
    from: [task],
    start: "beginning",
    initial: null as { readonly title: string } | null,
    on: { TaskAdded: (_, { data }) => ({ title: data.title }) },
  });
  const server = testServer({ subscribers: [mailer, steps] });
  servers.push(server);
  const log = server.log("board");
  await expect(log.subscribers.parked("maler")).rejects.toMatchObject({
    code: "definition",
    fix: expect.stringContaining("Its subscribers: mailer.") as string,
  });
  await expect(log.processes.parked("step")).rejects.toMatchObject({
    code: "definition",
    fix: expect.stringContaining("Its process managers: steps.") as string,
  });
});
