// The reports of a batch to the readers of its log: the records, or that the log may have moved.
import { expect, test } from "vitest";
import { Observer } from "../../../../src/sync-server/base/observer.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { keptTelemetry } from "../../../support/telemetry.ts";
import { task } from "../../../support/board-domain.ts";
import { commitOf, kindsOf, writerScene } from "../../../support/writer-scene.ts";

let ids = 0;
const add = () => commitOf([task.command.add(`t${++ids}`, { title: "Milk", column: "todo" })]);

test("appendBatch: a push without commits reports nothing", async () => {
  const scene = writerScene();
  await scene.push([add()]);
  expect(kindsOf(await scene.push([]))).toEqual([]);
  expect(scene.published).toMatchObject([{ head: { position: 1 } }]);
});

test("appendBatch: an outcome that another node kept reports that the log may have moved", async () => {
  const store = memory();
  const [here, there] = [writerScene({ store }), writerScene({ store })];
  const rejected = commitOf([task.command.rename("nobody", { title: "x" })]);
  await here.push([add()]);
  expect(kindsOf(await there.push([rejected]))).toEqual(["no-such-task"]);
  expect(kindsOf(await here.push([rejected]))).toEqual(["no-such-task"]);
  expect(here.published).toMatchObject([{ head: { position: 1 } }, null]);
});

test("appendBatch: each append has the number of its own events in its span", async () => {
  const { telemetry, named } = keptTelemetry();
  const { push } = writerScene({ observer: new Observer({ telemetry }) });
  for (const commits of [[add(), add()], [add()]]) await push(commits);
  expect(named("dacapo.append").map(({ attributes }) => attributes["dacapo.events"])).toEqual([2, 1]);
});

test("appendBatch: a turn reports the records that it wrote", async () => {
  const store = memory();
  const there = writerScene({ store });
  const turns: string[] = [];
  const here = writerScene({ store });
  here.store.takeTurn = (log, work) => (turns.push(log), work(store));
  await here.push([add()]);
  here.hooks.append = async (write) => {
    await there.push([add()]);
    return write();
  };
  const commit = add();
  expect(kindsOf(await here.push([commit]))).toEqual(["recorded"]);
  expect(turns).toEqual(["board"]);
  expect(here.published.at(-1)).toMatchObject({ head: { position: 4 }, records: [{ commit: commit.id }] });
});
