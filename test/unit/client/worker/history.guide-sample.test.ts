// The sample `stateOn` of docs/client.md, as it is printed, on a log whose stored events this code reads as others.
import { join } from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { aggregate, defineDomain, projection } from "../../../../src/index.ts";
import { device, until } from "../../../support/device.ts";
import { writeSamples } from "../../../support/samples.ts";

/** The calls of a log that the sample uses. */
type ReadLog = {
  readonly history: (of: unknown, id: string) => Promise<unknown>;
  readonly stateAt: (of: unknown, id: string, at?: { readonly version: number }) => Promise<unknown>;
};
type Sample = { readonly stateOn: (log: ReadLog, id: string, time: number) => Promise<unknown> };

const title = v.object({ title: v.string() });
const list = v.object({ list: v.string() });
const both = v.object({ title: v.string(), list: v.string() });

const opened = aggregate("task", {
  version: 1,
  initial: {},
  events: { TaskOpened: v.object({}), TaskEdited: both, TaskRenamed: title },
  evolve: { TaskOpened: (state) => state, TaskEdited: (_, { data }) => data, TaskRenamed: (_, { data }) => data },
  commands: {
    open: { decide: (_, __, { emit }) => emit("TaskOpened") },
    edit: { input: both, decide: (_, input, { emit }) => emit("TaskEdited", input) },
    rename: { input: title, decide: (_, input, { emit }) => emit("TaskRenamed", input) },
  },
});
const task = aggregate("task", {
  version: 2,
  initial: { title: "", list: "" },
  events: { TaskRenamed: title, TaskMoved: list },
  former: {
    TaskOpened: [v.object({}), () => []],
    TaskEdited: [both, (data, { emit }) => [emit("TaskRenamed", data), emit("TaskMoved", data)]],
  },
  evolve: {
    TaskRenamed: (state, { data }) => ({ ...state, title: data.title }),
    TaskMoved: (state, { data }) => ({ ...state, list: data.list }),
  },
  commands: { rename: { input: title, decide: (_, input, { emit }) => emit("TaskRenamed", input) } },
});
const release = (version: number, of: typeof opened | typeof task) =>
  defineDomain({
    version,
    aggregates: [of],
    projections: [
      projection("titles", {
        version,
        from: [of],
        initial: "",
        on: { TaskRenamed: (_, { data }) => data.title },
      }),
    ],
  });

test("stateOn: with former events, returns the state at each time", async () => {
  const folder = await writeSamples(["README.md", "docs/client.md"], "client-samples");
  const { stateOn } = (await import(join(folder, "history.ts"))) as Sample;
  const adas = device(release(1, opened), "team", "ada");
  const old = await adas.open();
  for (const command of [
    opened.command.open("t1"),
    opened.command.edit("t1", { title: "one", list: "in" }),
    opened.command.edit("t1", { title: "two", list: "out" }),
    opened.command.rename("t1", { title: "three" }),
  ])
    unwrap(await old.execute([command]));
  await until(() => old.status().pending === 0, "all is confirmed");
  const times = unwrap(await old.api.history("task/t1")).map(({ time }) => time);
  await old.close();

  const ada = await adas.open({ release: release(2, task) });
  const log: ReadLog = {
    history: async (_, id) => unwrap(await ada.api.history(`task/${id}`)),
    stateAt: async (_, id, at) => unwrap(await ada.api.stateAt(`task/${id}`, at?.version ?? null)),
  };
  const states = [];
  for (const time of [0, ...times]) states.push(await stateOn(log, "t1", time));
  expect(states).toEqual([
    { title: "", list: "" },
    { title: "", list: "" },
    { title: "one", list: "in" },
    { title: "two", list: "out" },
    { title: "three", list: "out" },
  ]);
  await ada.close();
});
