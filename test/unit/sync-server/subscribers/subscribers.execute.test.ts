// Commands of handlers: each is recorded once, in any log, and no device can take its commit id.
import { afterEach, expect, test } from "vitest";
import {
  type Executed,
  type HandlerContext,
  type HandlerExecuteOptions,
  subscriber,
  type SyncServer,
} from "../../../../src/sync-server/app.ts";
import { column, task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { testServer } from "../../../support/sync-requests.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const add = (id: string, title: string = id) => task.command.add(id, { title, column: "todo" });
const note = (id: string, text: string) => task.command.note(id, { text });

function started(onTaskAdded: (context: HandlerContext) => Promise<void>): SyncServer {
  const copier = subscriber("copier", {
    from: [task],
    start: "beginning",
    retry: { firstMs: 1, maxMs: 2 },
    on: { TaskAdded: (_, context) => onTaskAdded(context) },
  });
  const server = testServer({ subscribers: [copier], onError: () => {}, liveTicks: false });
  servers.push(server);
  return server;
}

const isDone = async (server: SyncServer): Promise<boolean> => {
  const [status] = await server.log("board").subscribers.list();
  return status?.at !== null && status?.behind === 0 && status.waiting === 0;
};

async function notesOf(server: SyncServer, log: string): Promise<readonly { actor: string; text: unknown }[]> {
  const notes = [];
  for await (const { type, actor, data } of server.log(log).history(task, "t1"))
    if (type === "TaskNoted") notes.push({ actor, text: (data as { text: unknown }).text });
  return notes;
}

test("execute of a handler: repeated attempts record each command once, in this log and another", async () => {
  const results: Executed[] = [];
  let attempts = 0;
  const server = started(async ({ log, execute, attempt }) => {
    if (log !== "board") return;
    attempts = attempt;
    results.push(await execute(note("t1", "first")));
    results.push(await execute(note("t1", "second")));
    results.push(await execute(note("t1", "far"), { log: "other", key: "far" }));
    if (attempt < 3) throw new Error("a crash after execute");
  });
  await server.log("other").execute(add("t1"));
  await server.log("board").execute(add("t1"));
  await until(() => isDone(server), "all events handled");
  expect(attempts).toBe(3);
  expect(await notesOf(server, "board")).toEqual(["first", "second"].map((text) => ({ actor: "~copier", text })));
  expect(await notesOf(server, "other")).toEqual([{ actor: "~copier", text: "far" }]);
  expect(results.map(({ id }) => id).slice(0, 3)).toEqual(results.map(({ id }) => id).slice(3, 6));
  expect(results.slice(6)).toEqual(results.slice(0, 3));
});

test("execute of a handler: a call without await is part of the attempt, and fails it", async () => {
  const errors: unknown[] = [];
  const copier = subscriber("copier", {
    from: [task],
    start: "beginning",
    retry: { attempts: 2, firstMs: 1, maxMs: 2 },
    on: {
      TaskAdded: async ({ stream }, { execute }) => {
        // A rejection of a promise that nobody observes would end the process.
        if (stream === "task/none") void execute(note("missing", "x"));
        if (stream === "task/late") {
          void execute(note("missing", "x"));
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        if (stream === "task/caught") void execute(note("missing", "x")).catch(() => {});
        if (stream === "task/t1") void execute(note("t1", "noted"));
      },
    },
  });
  const server = testServer({ subscribers: [copier], onError: (error) => errors.push(error), liveTicks: false });
  servers.push(server);
  const log = server.log("board");
  await log.execute(["none", "late", "caught", "t1"].map((id) => add(id)));
  await until(async () => (await log.subscribers.list())[0]?.parked === 2, "two parked events");
  await until(async () => (await notesOf(server, "board")).length === 1, "the note");
  const parked = await log.subscribers.parked("copier");
  expect(parked.map(({ stream, attempts }) => [stream, attempts])).toEqual([
    ["task/none", 2],
    ["task/late", 2],
  ]);
  expect(parked[0]?.reason).toContain("RejectedError");
  expect(errors).toHaveLength(2);
});

test("execute of a handler: calls one after the other without await are all part of the attempt", async () => {
  const errors: unknown[] = [];
  const copier = subscriber("copier", {
    from: [task],
    start: "beginning",
    on: {
      TaskAdded: (_, { execute }) => {
        const record = async (text: string) => await execute(note("t1", text));
        const recordAll = async () => {
          for (const text of ["1", "2"]) await record(text);
          await Promise.all([record("3"), record("4")]).then(() => record("5"));
        };
        void recordAll();
      },
    },
  });
  const server = testServer({ subscribers: [copier], onError: (error) => errors.push(error), liveTicks: false });
  servers.push(server);
  await server.log("board").execute(add("t1"));
  await until(async () => errors.length > 0 || (await notesOf(server, "board")).length === 5, "five notes");
  expect(errors).toEqual([]);
});

test("execute of a handler: after the end of the attempt it is refused, and reported", async () => {
  const errors: unknown[] = [];
  const executes: HandlerContext["execute"][] = [];
  const copier = subscriber("copier", {
    from: [task],
    start: "beginning",
    timeoutMs: 30,
    retry: { attempts: 1, firstMs: 1, maxMs: 2 },
    on: {
      TaskAdded: async ({ stream }, { execute, signal }) => {
        executes.push(execute);
        if (stream !== "task/hangs") return;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        await execute(note("t1", "after the time"));
      },
    },
  });
  const server = testServer({ subscribers: [copier], onError: (error) => errors.push(error), liveTicks: false });
  servers.push(server);
  const log = server.log("board");
  await log.execute([add("t1"), add("hangs")]);
  await until(async () => (await log.subscribers.list())[0]?.parked === 1, "the parked event");
  for (const execute of executes)
    await expect(execute(note("t1", "late"))).rejects.toMatchObject({
      code: "invalid",
      message: expect.stringContaining("attempt for the event") as unknown,
    });
  expect(await notesOf(server, "board")).toEqual([]);
  expect(errors.map(String).filter((text) => text.includes("has ended"))).toHaveLength(3);
});

test("execute of a handler: options of a wrong form are an error, and record nothing", async () => {
  const wrong = ["null", '"refund"', '{ "key": {} }', '{ "key": null }', '{ "key": 7 }', '{ "log": {} }'];
  const errors: unknown[] = [];
  const server = started(async ({ execute }) => {
    for (const text of wrong)
      errors.push(
        await execute(note("t1", text), JSON.parse(text) as HandlerExecuteOptions).catch((error: unknown) => error),
      );
  });
  await server.log("board").execute(add("t1"));
  await until(() => errors.length === wrong.length, "all calls");
  expect(errors).toMatchObject(wrong.map(() => ({ name: "ValidationError", code: "invalid" })));
  expect(await notesOf(server, "board")).toEqual([]);
});

test("execute of a handler: an unknown option is refused, and records nothing", async () => {
  const errors: unknown[] = [];
  const server = started(async ({ execute }) => {
    const options: HandlerExecuteOptions & { readonly keey: string } = { keey: "refund" };
    errors.push(await execute(note("t1", "hello"), options).catch((error: unknown) => error));
  });
  await server.log("board").execute(add("t1"));
  await until(() => errors.length === 1, "the call");
  expect(errors).toMatchObject([
    {
      code: "definition",
      message: "`execute` of a handler has no option keey",
      fix: "Its options are log, key, meta.",
    },
  ]);
  expect(await notesOf(server, "board")).toEqual([]);
});

test("execute of a handler: a rejection reaches the handler, and a reset keeps it", async () => {
  const codes: unknown[] = [];
  const server = started(async ({ execute }) => {
    await execute(task.command.move("t1", { column: "doing" })).catch((error: { details: { code: string } }) =>
      codes.push(error.details.code),
    );
  });
  await server.log("board").execute(add("t1"));
  await until(() => codes.length === 1, "the rejection");
  await server.log("board").execute(column.command.add("doing", { name: "Doing" }));
  await server.log("board").subscribers.reset("copier", { from: "beginning", effects: "repeat" });
  await until(() => codes.length === 2, "the kept rejection");
  expect(codes).toEqual(["no-such-column", "no-such-column"]);
});

test("authorize: a device cannot have the actor of a subscriber", async () => {
  const errors: unknown[] = [];
  const server = testServer({ authorize: () => ({ actor: "~copier" }), onError: (error) => errors.push(error) });
  servers.push(server);
  const response = await server.request("/logs/board");
  expect(response.status).toBe(401);
  expect(String(errors[0])).toContain("~copier");
});
