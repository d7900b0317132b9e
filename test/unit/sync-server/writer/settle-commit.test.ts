// The record of a commit: the fields that the server adds, and the last checks.
import { expect, test } from "vitest";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { byteLength } from "../../../../src/core/values/byte-length.ts";
import { task } from "../../../support/board-domain.ts";
import { parseOwnJson } from "../../../support/own-json.ts";
import { commitOf, kindsOf, writerScene } from "../../../support/writer-scene.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

function recordsIn({ appends }: ReturnType<typeof writerScene>): readonly CommitRecord[] {
  return appends.flatMap(({ records }) => records.map(({ text }) => parseOwnJson<CommitRecord>(text)));
}

test("P1 settleCommit: a record has a place, a mark and a time of the server", async () => {
  const scene = writerScene();
  const first = commitOf([add("t1"), task.command.complete("t1")], { time: 5, meta: { from: "phone" } });
  const second = commitOf([task.command.complete("t2"), add("t2")], { time: 6 });
  expect(kindsOf(await scene.push([first, second]))).toEqual(["recorded", "recorded"]);
  const records = recordsIn(scene);
  const place = { mark: "", client: first.client, actor: "ada", received: scene.clock.now };
  const event = (type: string, stream: string, version: number, data = {}) => ({ type, v: 1, stream, version, data });
  const data = { title: "Milk", column: "todo" };
  expect(records.map((record) => ({ ...record, mark: "" }))).toStrictEqual([
    {
      ...place,
      position: 1,
      commit: first.id,
      time: 5,
      meta: { from: "phone" },
      events: [event("TaskAdded", "task/t1", 1, data), event("TaskCompleted", "task/t1", 2)],
    },
    {
      ...place,
      position: 3,
      commit: second.id,
      time: 6,
      meta: null,
      events: [event("TaskAdded", "task/t2", 1, data)],
    },
  ]);
  const marks = records.map(({ mark }) => mark);
  expect([new Set(marks).size, marks.every((mark) => /^[0-9a-f]{16}$/.test(mark))]).toEqual([2, true]);
});

test("P13 settleCommit: a time more than a day ahead is lowered and marked, and no other", async () => {
  const scene = writerScene();
  const { now } = scene.clock;
  await scene.push([
    commitOf([add("t1")], { time: now + DAY_MS }),
    commitOf([add("t2")], { time: now + DAY_MS + 1 }),
    commitOf([add("t3")], { time: 0 }),
  ]);
  expect(recordsIn(scene).map(({ time, clamped }) => [time, clamped])).toEqual([
    [now + DAY_MS, undefined],
    [now + DAY_MS, true],
    [0, undefined],
  ]);
  expect(scene.appends[0]?.records.map(({ text }) => text.includes("clamped"))).toEqual([false, true, false]);
});

test("P7 settleCommit: a record may have exactly the largest number of bytes", async () => {
  const commit = commitOf([task.command.add("t1", { title: "日本語", column: "todo" })]);
  const probe = writerScene();
  await probe.push([commit]);
  const commitBytesMax = byteLength(probe.appends[0]?.records[0]?.text ?? "");
  expect(kindsOf(await writerScene({ limits: { commitBytesMax } }).push([commit]))).toEqual(["recorded"]);
  const scene = writerScene({ limits: { commitBytesMax: commitBytesMax - 1 } });
  expect(kindsOf(await scene.push([commit, commitOf([task.command.complete("t1")])]))).toEqual(["too-large", "empty"]);
});

test("P9 settleCommit: only what a newer release can decide waits for it", async () => {
  const { push } = writerScene();
  const newer = { domain: 2 };
  expect(kindsOf(await push([commitOf([task.command.rename("t1", { title: "x" })])], newer))).toEqual(["no-such-task"]);
  for (const command of [
    { stream: "planet/p1", name: "add", v: 1 },
    { stream: "task/t1", name: "explode", v: 1 },
  ]) {
    const commit = commitOf([command]);
    expect(await push([commit], newer)).toMatchObject({ outcomes: [], stopped: { id: commit.id, code: "later" } });
    expect(await push([commit], { domain: 1 })).toMatchObject({ outcomes: { length: 1 }, stopped: null });
  }
});

test("P9 settleCommit: a commit's own release counts before that of its push", async () => {
  const { push } = writerScene();
  const command = { stream: "planet/p1", name: "add", v: 1 };
  expect(kindsOf(await push([commitOf([command], { domain: 1 })], { domain: 2 }))).toEqual(["unknown-aggregate"]);
  expect(await push([commitOf([command], { domain: 2 })], { domain: 1 })).toMatchObject({ stopped: { code: "later" } });
});
