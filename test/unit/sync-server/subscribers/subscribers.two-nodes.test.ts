// Two nodes on one store: one of them handles a log at a time, and the other takes over.
import { afterEach, expect, test } from "vitest";
import { subscriber, type SyncServer } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { until } from "../../../support/device.ts";
import { endLeases } from "../../../support/killed-child.ts";
import { temporaryFolder } from "../../../support/server.ts";
import { testServer } from "../../../support/sync-requests.ts";

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

type Call = { readonly node: string; readonly title: string; readonly effectId: string };

async function twoNodes(handle: (call: Call) => Promise<void>) {
  const folder = await temporaryFolder();
  undo.push(folder.remove);
  const file = folder.path("logs.db");
  const errors: unknown[] = [];
  const nodeOf = (node: string): SyncServer => {
    const mailer = subscriber("mailer", {
      from: [task],
      start: "beginning",
      retry: { attempts: 20, firstMs: 1, maxMs: 5 },
      on: {
        TaskAdded: ({ data }, { effectId }) => handle({ node, title: data.title, effectId }),
        TaskRenamed: ({ data }, { effectId }) => handle({ node, title: data.title, effectId }),
      },
    });
    const server = testServer({
      subscribers: [mailer],
      store: sqlite(file),
      limits: { lookMs: 50 },
      onError: (error) => errors.push(error),
    });
    undo.push(() => server.close());
    return server;
  };
  return { nodeOf, endLeases: () => endLeases(file), errors };
}

const isDone = async (server: SyncServer): Promise<boolean> => {
  const [status] = await server.log("board").subscribers.list();
  return status?.at !== null && status?.behind === 0 && status.waiting === 0;
};

const rename = (n: number) => task.command.rename("t1", { title: `${n}` });

test("subscriber: two nodes handle each event once, in the order of its stream", async () => {
  const calls: Call[] = [];
  const { nodeOf, errors } = await twoNodes(async (call) => {
    await Promise.resolve();
    calls.push(call);
  });
  const [left, right] = [nodeOf("left"), nodeOf("right")];
  await left.log("board").execute(task.command.add("t1", { title: "0", column: "todo" }));
  for (let n = 1; n <= 40; n++) await (n % 2 ? left : right).log("board").execute(rename(n));
  await until(async () => (await isDone(left)) && (await isDone(right)), "all events handled");
  expect(calls.map(({ title }) => title)).toEqual(Array.from({ length: 41 }, (_, n) => `${n}`));
  expect(errors).toEqual([]);
});

test("subscriber: an event whose node stopped is handled by the other node, with one effect id", async () => {
  const calls: Call[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const { nodeOf } = await twoNodes(async (call) => {
    calls.push(call);
    if (call.node === "left") await released;
  });
  const left = nodeOf("left");
  await left.log("board").execute(task.command.add("t1", { title: "0", column: "todo" }));
  await until(() => calls.length === 1, "the handler of the first node");
  await left.close();
  const right = nodeOf("right");
  await right.log("board").execute(rename(1));
  await until(() => isDone(right), "all events handled");
  release();
  expect(calls.map(({ node, title }) => `${node} ${title}`)).toEqual(["left 0", "right 0", "right 1"]);
  expect(calls[1]?.effectId).toBe(calls[0]?.effectId);
});

test("subscriber: a node whose lease another node took stores nothing and aborts its handlers", async () => {
  const calls: Call[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const { nodeOf, endLeases, errors } = await twoNodes(async (call) => {
    calls.push(call);
    if (call.node === "left" && call.title === "0") await released;
  });
  const left = nodeOf("left");
  await left.log("board").execute(task.command.add("t1", { title: "0", column: "todo" }));
  await until(() => calls.length === 1, "the handler of the first node");
  endLeases();
  const right = nodeOf("right");
  await right.log("board").execute(rename(1));
  await until(() => calls.some(({ node }) => node === "right"), "the handler of the second node");
  await until(() => isDone(right), "all events handled");
  release();
  await left.log("board").execute(rename(2));
  await until(async () => (await isDone(left)) && calls.some(({ title }) => title === "2"), "the last event");
  expect(calls.filter(({ title }) => title === "1")).toHaveLength(1);
  expect(errors).toEqual([]);
});

test("subscriber: an event whose node died is handled by another one, though nobody appends", async () => {
  const calls: Call[] = [];
  let release = (): void => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  const { nodeOf, endLeases } = await twoNodes(async (call) => {
    calls.push(call);
    if (call.node === "left") await released;
  });
  const left = nodeOf("left");
  await left.log("board").execute(task.command.add("t1", { title: "0", column: "todo" }));
  // The checkpoint is behind the event whose handler runs.
  await until(async () => (await left.log("board").subscribers.list())[0]?.behind === 0, "the stored place");
  endLeases();
  const right = nodeOf("right");
  await until(() => isDone(right), "the event handled");
  release();
  expect(calls.map(({ node, title }) => `${node} ${title}`)).toEqual(["left 0", "right 0"]);
});
