// Unknown handles and names are refused with the known ones, on the edge as on Node.
import { afterEach, expect, test } from "vitest";
import { aggregate, projection } from "dacapo";
import * as v from "valibot";
import { syncServer, type SyncServer } from "../../../../src/sync-server/app.ts";
import { LogHandles } from "../../../../src/sync-server/hosts/log-handles.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { board, columnCounts, domain, task } from "../../../support/board-domain.ts";

const servers: SyncServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

const otherBoard = projection("board", { version: 1, from: [task], initial: null, on: { TaskAdded: () => null } });
const otherTask = aggregate("task", {
  version: 1,
  initial: null,
  events: { TaskAdded: v.object({}) },
  evolve: { TaskAdded: () => null },
  commands: {},
});
const models = [board, columnCounts];
const handles = new LogHandles(domain.definition, models);

const MODEL_FIX = (name: string) =>
  `Add it to the option \`models\` of the server: models: [${name}, …]. Its models: board, column-counts.`;
const AGGREGATE_FIX =
  "Pass an aggregate of the domain, and import the same handle in both places. Its aggregates: task, column.";

test("server.log: an unknown model is named with the known ones, on Node and on the edge", async () => {
  const server = syncServer({ domain, store: memory(), authorize: () => null, models });
  servers.push(server);
  const log = server.log("board");
  for (const [model, message, name] of [
    ["bord", "The server has no model bord", "bord"],
    [otherBoard, "The server has no model board with this definition", "board"],
  ] as const) {
    const expected = { code: "definition", message, fix: MODEL_FIX(name) };
    expect(() => handles.nameOfModel(model)).toThrow(expect.objectContaining(expected));
    await expect(log.rows(model)).rejects.toMatchObject(expected);
  }
  expect([handles.nameOfModel("board"), handles.nameOfModel(board)]).toEqual(["board", "board"]);
});

test("server.log: an unknown aggregate is named with the known ones, on Node and on the edge", async () => {
  const server = syncServer({ domain, store: memory(), authorize: () => null });
  servers.push(server);
  const message = "The domain of the server has no aggregate task with this definition";
  const expected = { code: "definition", message, fix: AGGREGATE_FIX };
  expect(() => handles.nameOfAggregate(otherTask)).toThrow(expect.objectContaining(expected));
  await expect(server.log("board").load(otherTask, "t1")).rejects.toMatchObject(expected);
  expect(() => handles.aggregate("tusk")).toThrow(expect.objectContaining({ code: "definition", fix: AGGREGATE_FIX }));
});
