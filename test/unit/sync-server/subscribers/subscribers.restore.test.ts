// A store whose log was restored to an earlier time, and whose places of subscribers and processes were not.
import { DatabaseSync } from "node:sqlite";
import { afterEach, expect, test } from "vitest";
import { processManager, subscriber } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

const EVENTS = 3;

/**
 * A server whose followers have handled all events of a log, and then a restart with places that the log has lost.
 * `isOneRecord`: the events of the person are one record.
 */
async function restored(kind: "subscribers" | "processes", position: number, isOneRecord = false) {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const handled: string[] = [];
  const errors: unknown[] = [];
  const mailer = subscriber("mailer", {
    from: [task],
    start: "beginning",
    on: { TaskAdded: ({ stream }, { effectId }) => void handled.push(`${stream} ${effectId}`) },
  });
  const closer = (version: number) =>
    processManager("closer", {
      version,
      from: [task],
      start: "beginning",
      initial: null as { readonly isOpen: boolean } | null,
      on: {
        TaskAdded: (_, { stream }, { run }) => {
          run(task.command.complete(stream.slice("task/".length)));
          return { isOpen: true };
        },
      },
    });
  const start = (version = 1) => {
    const server = testServer({
      store: sqlite(file),
      subscribers: [kind === "subscribers" ? mailer : closer(version)],
      limits: { lookMs: 20 },
      onError: (error) => errors.push(error),
    });
    undo.push(() => server.close());
    const log = server.log("board");
    const add = (n: number) => log.execute(task.command.add(`t${n}`, { title: "Milk", column: "todo" }));
    const status = async () => (await log[kind].list())[0];
    const isDone = async () => {
      const found = await status();
      return found?.behind === 0 && (!("commands" in found) || found.commands === 0);
    };
    return { server, log, add, status, settled: () => until(isDone, "all events handled") };
  };
  const before = start();
  const ids = Array.from({ length: EVENTS }, (_, n) => `t${n}`);
  const adds = ids.map((id) => task.command.add(id, { title: "Milk", column: "todo" }));
  for (const commands of isOneRecord ? [adds] : adds) await before.log.execute(commands);
  await before.settled();
  await before.server.close();
  const restore = (mark: string) => {
    const database = new DatabaseSync(file);
    database.exec(`update dacapo_followers set revision = revision + 1, position = ${position}, mark = '${mark}'
      where name like '%mailer' or name like '%closer'`);
    database.close();
  };
  restore("lost");
  return { start, restore, handled, errors };
}

/** The log has 3 events of a person, and 3 of the process. */
const AHEAD = 99;

test.each([EVENTS, AHEAD])(
  "subscriber: behind the end of a restored log it is `diverged`, until a reset (at %i)",
  async (position) => {
    const { start, handled, errors } = await restored("subscribers", position);
    const { log, add, status, settled } = start();
    await add(EVENTS);
    await until(() => errors.length > 0, "the report");
    expect(errors).toMatchObject([{ code: "diverged", details: { log: "board", subscriber: "mailer" } }]);
    expect(await status()).toMatchObject({ state: "diverged", at: `${position}-lost` });
    expect(handled).toHaveLength(EVENTS);
    await log.subscribers.reset("mailer", { from: "beginning", effects: "repeat" });
    await settled();
    expect(await status()).toMatchObject({ state: "running" });
    expect(handled).toHaveLength(2 * EVENTS + 1);
    expect(new Set(handled).size).toBe(EVENTS + 1);
    expect(errors).toHaveLength(1);
  },
);

test.each([
  { position: 2 * EVENTS, release: 1 },
  { position: AHEAD, release: 1 },
  { position: 2 * EVENTS, release: 2 },
  { position: AHEAD, release: 2 },
])(
  "processManager: in a restored log it is `diverged` ($position, release $release)",
  async ({ position, release }) => {
    const { start, errors } = await restored("processes", position);
    const { log, add, status, settled } = start(release);
    await add(EVENTS);
    await until(() => errors.length > 0, "the report");
    expect(errors).toMatchObject([{ code: "diverged", details: { log: "board", process: "closer" } }]);
    expect(await status()).toMatchObject({ state: "diverged", at: `${position}-lost` });
    expect(await log.load(task, `t${EVENTS}`)).toMatchObject({ state: { done: false } });
    await log.processes.reset("closer", { from: "beginning", effects: "repeat" });
    await settled();
    expect(await status()).toMatchObject({ state: "running" });
    for (let n = 0; n <= EVENTS; n++) expect(await log.load(task, `t${n}`)).toMatchObject({ state: { done: true } });
    expect(errors).toHaveLength(1);
  },
);

test("processManager: newer code stops if its lost place is inside of a record", async () => {
  const { start, errors } = await restored("processes", EVENTS - 1, true);
  const { log, status, settled } = start(2);
  await until(() => errors.length > 0, "the report");
  expect(errors).toMatchObject([{ code: "diverged", details: { log: "board", process: "closer" } }]);
  expect(await status()).toMatchObject({ state: "diverged", at: `${EVENTS - 1}-lost` });
  await log.processes.reset("closer", { from: "beginning", effects: "repeat" });
  await settled();
  expect(await status()).toMatchObject({ state: "running" });
});

test.each(["subscribers", "processes"] as const)(
  "%s: a log that is restored again after a reset is reported again",
  async (kind) => {
    const { start, restore, errors } = await restored(kind, AHEAD);
    const { log, add, settled } = start();
    const name = kind === "subscribers" ? "mailer" : "closer";
    await add(EVENTS);
    await until(() => errors.length > 0, "the report");
    await log[kind].reset(name, { from: "beginning", effects: "repeat" });
    await settled();
    expect(errors).toHaveLength(1);
    restore("lost2");
    await add(EVENTS + 1);
    await until(() => errors.length > 1, "the second report");
    await add(EVENTS + 2);
    expect(errors).toMatchObject([{ code: "diverged" }, { code: "diverged", details: { log: "board" } }]);
  },
);

test("subscriber: while it is `diverged`, no event that waits for its next attempt is handled", async () => {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const attempts: number[] = [];
  const errors: unknown[] = [];
  let fails = true;
  const start = () => {
    const mailer = subscriber("mailer", {
      from: [task],
      start: "beginning",
      retry: { attempts: 1_000, firstMs: 20, maxMs: 20 },
      on: {
        TaskAdded: (_, { attempt }) => {
          attempts.push(attempt);
          if (fails) throw new Error("The mail server failed");
        },
      },
    });
    const onError = (error: unknown) => errors.push(error);
    const server = testServer({ store: sqlite(file), subscribers: [mailer], limits: { lookMs: 20 }, onError });
    undo.push(() => server.close());
    return { server, log: server.log("board") };
  };
  const before = start();
  await before.log.execute(task.command.add("t1", { title: "Milk", column: "todo" }));
  await until(async () => (await before.log.subscribers.list())[0]?.waiting === 1, "the event waits");
  await before.server.close();
  const database = new DatabaseSync(file);
  database.exec("update dacapo_followers set mark = 'lost' where name like '%mailer'");
  database.close();
  attempts.length = 0;
  fails = false;
  const { log } = start();
  await until(() => errors.length > 0, "the report");
  await log.execute(task.command.add("t2", { title: "Tea", column: "todo" }));
  expect(errors).toMatchObject([{ code: "diverged", details: { log: "board", subscriber: "mailer" } }]);
  expect(attempts).toEqual([]);
  await log.subscribers.reset("mailer", { from: "beginning", effects: "repeat" });
  await until(() => attempts.length === 2, "both events");
});
