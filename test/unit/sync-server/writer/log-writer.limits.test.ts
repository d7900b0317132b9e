// The bounds of a log writer: which pushes wait, which go into one append, and what it reports.
import { expect, test } from "vitest";
import type { Telemetry } from "../../../../src/sync-server/base/telemetry.ts";
import { Observer } from "../../../../src/sync-server/base/observer.ts";
import { task } from "../../../support/board-domain.ts";
import { commitOf, kindsOf, writerScene } from "../../../support/writer-scene.ts";

let ids = 0;
const add = () => commitOf([task.command.add(`t${++ids}`, { title: "Milk", column: "todo" })]);
const adds = (count: number) => Array.from({ length: count }, add);
const kinds = async (pushes: readonly Promise<Parameters<typeof kindsOf>[0]>[]) =>
  (await Promise.all(pushes)).map((result) => (result.kind === "refused" ? result.code : "settled"));

test("log writer: exactly `waitingPushesMax` pushes of a log wait, and other logs have their own", async () => {
  const { push, hold, writer } = writerScene({ limits: { waitingPushesMax: 3 } });
  const release = hold();
  const waiting = [...adds(4).map((commit) => push([commit])), push(adds(1), { log: "other" })];
  expect(writer.isBusy()).toBe(true);
  release();
  expect(await kinds(waiting)).toEqual(["settled", "settled", "settled", "overloaded", "settled"]);
  expect(await kinds([push(adds(1))])).toEqual(["settled"]);
});

test("log writer: waiting pushes of all logs have at most `waitingBytesMax` bytes together", async () => {
  const { push, hold } = writerScene({ limits: { waitingBytesMax: 1_000 } });
  for (let round = 0; round < 3; round++) {
    const release = hold();
    const waiting = [
      push(adds(1), { bytes: 600 }),
      push(adds(1), { bytes: 401, log: "other" }),
      push(adds(1), { bytes: 400, log: "third" }),
      push(adds(1), { bytes: 1 }),
    ];
    release();
    expect(await kinds(waiting), `round ${round}`).toEqual(["settled", "overloaded", "settled", "overloaded"]);
  }
});

test.each<[string, readonly (readonly number[])[]]>([
  ["pushes up to the limit share one append", [[2, 1, 1]]],
  [
    "a push over the limit goes into the next append",
    [
      [2, 2],
      [1, 3],
    ],
  ],
  ["a first push over the limit goes alone", [[7], [1, 1]]],
  ["a later push over the limit goes alone", [[1], [7], [4]]],
])("log writer: %s, in commits and in bytes", async (_, groups) => {
  const byCommits = writerScene({ limits: { batchCommitsMax: 4 } });
  const byBytes = writerScene({ limits: { batchBytesMax: 400 } });
  const [releaseCommits, releaseBytes] = [byCommits.hold(), byBytes.hold()];
  const pushes = groups
    .flat()
    .flatMap((size) => [byCommits.push(adds(size), { bytes: 1 }), byBytes.push(adds(1), { bytes: size * 100 })]);
  releaseCommits();
  releaseBytes();
  await Promise.all(pushes);
  const recordsOf = ({ appends }: typeof byCommits) => appends.map(({ records }) => records.length);
  expect(recordsOf(byCommits)).toEqual(groups.map((group) => group.reduce((sum, size) => sum + size)));
  expect(recordsOf(byBytes)).toEqual(groups.map((group) => group.length));
});

test("log writer: is busy while a push waits, and for 100 milliseconds after its arrival", async () => {
  const { push, hold, writer, clock } = writerScene();
  expect(writer.isBusy()).toBe(false);
  const release = hold();
  const waiting = push(adds(1));
  clock.now += 10_000;
  expect(writer.isBusy()).toBe(true);
  release();
  await waiting;
  expect(writer.isBusy()).toBe(false);
  await push(adds(1));
  clock.now += 99;
  expect(writer.isBusy()).toBe(true);
  clock.now += 1;
  expect(writer.isBusy()).toBe(false);
});

test("log writer: close waits for the pushes of all logs, and ends at once without any", async () => {
  const { push, hold, writer } = writerScene();
  const release = hold();
  const waiting = [push(adds(1)), push(adds(1), { log: "other" })];
  let isClosed = false;
  const closed = writer.close().then(() => (isClosed = true));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect([isClosed, ...(await kinds([push(adds(1))]))]).toEqual([false, "restarting"]);
  release();
  expect(await kinds(waiting)).toEqual(["settled", "settled"]);
  await closed;
  await writer.close();
  await writerScene().writer.close();
});

test("log writer: close waits for a log that works longer than the others", async () => {
  const { push, writer, hooks } = writerScene();
  let finish = (): void => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  hooks.append = (write, log) => (log === "slow" ? finished.then(write) : write());
  const slow = push(adds(1), { log: "slow" });
  const fast = push(adds(1), { log: "fast" });
  let isClosed = false;
  const closed = writer.close().then(() => (isClosed = true));
  expect(await kinds([fast])).toEqual(["settled"]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(isClosed).toBe(false);
  finish();
  expect(await kinds([slow])).toEqual(["settled"]);
  await closed;
});

test("log writer: publishes each append once, and nothing for a push without a record", async () => {
  const { push, published } = writerScene();
  await push(adds(2));
  expect(published).toMatchObject([
    { after: null, head: { position: 2 }, records: [{ position: 1 }, { position: 2 }] },
  ]);
  await push([]);
  expect(kindsOf(await push([commitOf([task.command.rename("nothing", { title: "x" })])]))).toEqual(["no-such-task"]);
  expect(published).toHaveLength(1);
  const commit = add();
  await push([commit]);
  expect(published[1]).toMatchObject({ after: { position: 2 }, head: { position: 3 } });
  // Another node may have written a known commit, so readers read the store.
  await push([commit]);
  expect(published.slice(2)).toEqual([null]);
});

test("log writer: a reader that throws is reported, and the push has its outcome", async () => {
  const failure = new Error("the hub is broken");
  const { push, errors } = writerScene({
    onAppended: () => {
      throw failure;
    },
  });
  expect(kindsOf(await push(adds(1)))).toEqual(["recorded"]);
  expect(errors).toEqual([failure]);
});

test.each([
  ["storage-full", Object.assign(new Error("no space"), { code: "storage-full" })],
  ["unavailable", Object.assign(new Error("closed"), { code: "storage-lost" })],
  ["unavailable", new Error("no code")],
  ["unavailable", "a text"],
  ["unavailable", null],
  ["unavailable", undefined],
])("log writer: a push is refused as %s after two appends that reject with %s", async (code, failure) => {
  const { push, hooks, errors, published, appends } = writerScene();
  await push(adds(1));
  hooks.append = () => Promise.reject(failure);
  const commit = add();
  expect(await kinds([push([commit])])).toEqual([code]);
  expect(errors).toEqual([failure]);
  // Readers read the store, because a rejected append may be written.
  expect(published.slice(1)).toEqual([null]);
  hooks.append = (write) => write();
  expect(kindsOf(await push([commit]))).toEqual(["recorded"]);
  expect(appends).toHaveLength(4);
});

test("log writer: reports the commits of each batch and the length of its queue", async () => {
  const measures: [string, number][] = [];
  const [spans, facts]: [string[], object[]] = [[], []];
  const telemetry: Telemetry = {
    startSpan: (name) => {
      spans.push(name);
      return { run: (work) => work(), set: (given) => void facts.push(given), end: () => {} };
    },
    record: (name, value) => void measures.push([name, value]),
  };
  const { push, hold, writer } = writerScene({ observer: new Observer({ telemetry }) });
  const release = hold();
  const waiting = [push(adds(2)), push(adds(3))];
  const valuesOf = (name: string) => measures.flatMap(([measure, value]) => (measure === name ? [value] : []));
  expect(valuesOf("queue.length")).toEqual([1, 1]);
  release();
  await Promise.all(waiting);
  expect(valuesOf("queue.length")).toEqual([1, 1, -1, -1]);
  expect([valuesOf("batch.size"), valuesOf("events")]).toEqual([[5], [5]]);
  expect(spans).toEqual(["batch", "decide", "append"]);
  expect(facts).toContainEqual({ pushes: 2, commits: 5 });
  await push(adds(3));
  expect([valuesOf("batch.size"), valuesOf("events")]).toEqual([
    [5, 3],
    [5, 3],
  ]);
  await writer.close();
});

test("log writer: the span of a batch is caused by the spans of its pushes", async () => {
  const causes = new Map<string, unknown>();
  const telemetry: Telemetry = {
    startSpan: (name, from) => {
      causes.set(name, from);
      return { run: (work) => work(), set: () => {}, end: () => {} };
    },
    record: () => {},
  };
  const observer = new Observer({ telemetry });
  const { push, hold } = writerScene({ observer });
  const release = hold();
  const steps = [observer.begin("push", [], {}), observer.begin("push", [], {})];
  // A push of the server's own code has no step.
  const waiting = [...steps.map((step) => push(adds(1), { step })), push(adds(1))];
  release();
  expect(await kinds(waiting)).toEqual(["settled", "settled", "settled"]);
  expect(causes.get("batch")).toEqual(steps.map(({ span }) => span));
});
