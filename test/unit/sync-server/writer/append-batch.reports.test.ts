// The reports of a batch to the readers of its log: the records, or that the log may have moved.
import { expect, test } from "vitest";
import { strong } from "../../../../src/sync-server/app.ts";
import { readModels } from "../../../../src/sync-server/read-models/read-model.ts";
import { Observer } from "../../../../src/sync-server/base/observer.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { keptTelemetry } from "../../../support/telemetry.ts";
import { names, namesDomain, user } from "../../../support/names-domain.ts";
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

test("appendBatch: an append that lost a round, or that failed, needs the keeper of the log", async () => {
  const store = memory();
  const node = () => {
    const folded: boolean[] = [];
    const scene = writerScene({
      store,
      domain: namesDomain.definition,
      keepers: { models: readModels(namesDomain.definition, [strong(names)], store), catchUp: () => Promise.resolve() },
      onAppended: (_log, _appended, isFolded) => folded.push(isFolded),
    });
    const push = () => {
      const id = crypto.randomUUID();
      return scene.push([commitOf([user.command.name(id, { name: id })])]);
    };
    return { ...scene, folded, push };
  };
  const [here, there] = [node(), node()];
  for (let n = 0; n < 2; n++) await here.push();
  expect(here.folded).toEqual([false, true]);
  const write = here.hooks.append;
  here.hooks.append = async (next) => {
    here.hooks.append = write;
    await there.push();
    return next();
  };
  await here.push();
  await here.push();
  here.hooks.append = () => Promise.reject(new Error("the disk failed"));
  expect(await here.push()).toEqual({ kind: "refused", code: "unavailable" });
  expect(here.folded.slice(2)).toEqual([false, true, false]);
});
