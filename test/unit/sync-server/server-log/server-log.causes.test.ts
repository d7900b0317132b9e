// The cause of a commit: in the events of the server's own code, of handlers and of devices, in stores and archives.
import { afterEach, expect, test } from "vitest";
import type { DomainEvent } from "../../../../src/core/domain/event.ts";
import { type HandlerContext, subscriber, type SyncServer } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { person, testServer } from "../../../support/sync-requests.ts";
import { keptTelemetry } from "../../../support/telemetry.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

function started(options: Parameters<typeof testServer>[0] = {}): SyncServer {
  const server = testServer({ liveTicks: false, ...options });
  servers.push(server);
  return server;
}

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const note = (id: string, text: string) => task.command.note(id, { text });
const commitOf = ({ id }: DomainEvent): string => id.slice(0, 36);

async function eventsOf(server: SyncServer, id: string, log = "board"): Promise<readonly DomainEvent[]> {
  const events: DomainEvent[] = [];
  for await (const event of server.log(log).history(task, id)) events.push(event);
  return events;
}

async function firstOf(done: Promise<{ readonly events: readonly DomainEvent[] }>): Promise<DomainEvent> {
  const [event] = (await done).events;
  if (!event) throw new Error("No event was recorded");
  return event;
}

test.each([
  ["memory", memory],
  ["sqlite", () => sqlite(":memory:")],
])("execute: causedBy names the event, and a chain over two logs has one correlation (%s)", async (_, store) => {
  const server = started({ store: store() });
  const first = await firstOf(server.log("board").execute(add("t1")));
  expect(first.correlation).toBe(commitOf(first));
  expect(first).not.toHaveProperty("causedBy");
  const second = await firstOf(server.log("other").execute(add("t2"), { causedBy: first }));
  expect(second).toMatchObject({ causedBy: first.id, correlation: first.correlation });
  const third = await firstOf(server.log("board").execute(note("t1", "third"), { causedBy: second }));
  expect(third).toMatchObject({ causedBy: second.id, correlation: first.correlation });
  expect(await eventsOf(server, "t1")).toEqual([first, third]);
  for await (const { event } of server.log("board").subscribe({ from: "beginning", types: ["TaskNoted"] })) {
    expect(event).toEqual(third);
    break;
  }
});

test("execute: a commit without a cause has no field of it, and the second of a chain has one", async () => {
  const server = started();
  const first = await firstOf(server.log("board").execute(add("t1")));
  const second = await firstOf(server.log("board").execute(add("t2"), { causedBy: first }));
  await server.log("board").execute(add("t3"), { causedBy: second });
  const { records } = await person(server, "ada").pull();
  expect(records.map(({ causedBy, correlation }) => [causedBy, correlation])).toEqual([
    [undefined, undefined],
    [first.id, undefined],
    [second.id, commitOf(first)],
  ]);
  const text = await (await person(server, "ada").request("records")).text();
  expect(text.match(/causedBy/g)).toHaveLength(2);
  expect(text.match(/correlation/g)).toHaveLength(1);
});

test("execute: refuses a cause that is not an event", async () => {
  const { execute } = started().log("board");
  for (const causedBy of [
    { id: "no event", correlation: "no event" },
    { id: `${crypto.randomUUID()}:0`, correlation: "x" },
  ])
    await expect(execute(add("t1"), { causedBy })).rejects.toMatchObject({ code: "invalid" });
});

test("execute of a handler: its events have the event that it handled as their cause", async () => {
  const copier = subscriber("copier", {
    from: [task],
    start: "beginning",
    on: {
      TaskAdded: async (event, { log, execute }: HandlerContext) => {
        if (log === "board") await execute(add("copy"), { log: "other" });
        else await execute(note("copy", event.correlation));
      },
    },
  });
  const server = started({ subscribers: [copier] });
  const first = await firstOf(server.log("board").execute(add("t1")));
  await until(async () => (await eventsOf(server, "copy", "other")).length === 2, "the note of the copy");
  const [copied, noted] = await eventsOf(server, "copy", "other");
  expect(copied).toMatchObject({ causedBy: first.id, correlation: first.correlation });
  expect(noted).toMatchObject({
    causedBy: copied?.id,
    correlation: first.correlation,
    data: { text: first.correlation },
  });
});

test("push: a device's commit may name its cause, and a wrong one is rejected", async () => {
  const server = started();
  const ada = person(server, "ada");
  const first = await firstOf(server.log("board").execute(add("t1")));
  const outcomes = await ada.outcomes(
    { ...ada.commit(add("t2")), causedBy: first.id },
    { ...ada.commit(add("t3")), causedBy: "t1" },
    { ...ada.commit(add("t4")), causedBy: first.id, correlation: "another" },
  );
  expect(outcomes).toMatchObject([
    { outcome: "recorded" },
    { outcome: "rejected", code: "invalid-commit" },
    { outcome: "rejected", code: "invalid-commit" },
  ]);
  expect(await eventsOf(server, "t2")).toMatchObject([{ causedBy: first.id, correlation: first.correlation }]);
});

test("importLog: the events of an archive keep their causes", async () => {
  const server = started();
  const first = await firstOf(server.log("board").execute(add("t1")));
  const second = await firstOf(server.log("board").execute(note("t1", "2"), { causedBy: first }));
  const third = await firstOf(server.log("board").execute(note("t1", "3"), { causedBy: second }));
  const archive = await (await person(server, "ada").request("export")).text();
  const target = started();
  await target.importLog("board", archive);
  expect(await eventsOf(target, "t1")).toEqual([first, second, third]);
  expect(await (await person(target, "ada").request("export")).text()).toBe(archive);
});

test("execute: its span has the correlation of the chain", async () => {
  const { telemetry, named } = keptTelemetry();
  const server = started({ telemetry });
  const first = await firstOf(server.log("board").execute(add("t1")));
  await server.log("board").execute(note("t1", "2"), { causedBy: first });
  expect(named("dacapo.execute").map(({ attributes }) => attributes["dacapo.correlation"])).toEqual([
    first.correlation,
    first.correlation,
  ]);
});

test("execute: a value that is not a command, and two authors, are refused with `invalid`", async () => {
  const { execute } = started().log("board");
  for (const nothing of [undefined, null, 7, [undefined], "add"])
    // The cast is needed, because the compiler refuses these values.
    await expect(execute(nothing as unknown as ReturnType<typeof add>)).rejects.toMatchObject({ code: "invalid" });
  const both = { as: { actor: "ada" }, actor: "till" };
  await expect(execute(add("t1"), both)).rejects.toMatchObject({ code: "invalid" });
  await expect(execute(add("t1"), null as unknown as { actor: string })).rejects.toMatchObject({ code: "invalid" });
});
