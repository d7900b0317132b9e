// Each kind of damage that a store or a disk can make is reported with its place.
import { expect, test } from "vitest";
import { verifyLog } from "../../../../src/sync-server/archive/verify-log.ts";
import type { EventStore, StoredRecord } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { batch, readAll } from "../../../../src/testing/event-store/samples.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { matching } from "../../../support/matchers.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

async function records(): Promise<readonly StoredRecord[]> {
  const store = memory();
  const server = testServer({ store });
  const ada = person(server, "ada");
  await ada.push([
    ...Array.from({ length: 5 }, (_, n) => ada.commit(task.command.add(`t${n}`, { title: "Milk", column: "todo" }))),
    ada.commit({ ...task.command.rename("t1", { title: "Bread" }), seen: 1 }),
  ]);
  return readAll(store, "board");
}

/** The problems of a log whose record at an index is changed. */
async function problemsWith(index: number, change: (record: StoredRecord) => StoredRecord): Promise<readonly string[]> {
  const store = memory();
  const changed = (await records()).map((record, n) => (n === index ? change(record) : record));
  expect(await store.append("board", batch(null, { records: changed }))).toEqual({ kind: "ok" });
  const report = await verifyLog(store, "board", domain.definition);
  expect(report.problemCount).toBe(report.problems.length);
  return report.problems;
}

const withText =
  (from: string | RegExp, to: string) =>
  (record: StoredRecord): StoredRecord => {
    const text = record.text.replace(from, to);
    expect(text).not.toBe(record.text);
    return { ...record, text };
  };

test("verifyLog: a sound log has no problem, and its rows are counted", async () => {
  const store = memory();
  await store.append("board", batch(null, { records: await records() }));
  expect(await verifyLog(store, "board", domain.definition)).toEqual({
    log: "board",
    records: 6,
    events: 6,
    streams: 5,
    outcomes: 0,
    problems: [],
    problemCount: 0,
    rows: { board: 5, "column-counts": 1 },
    parked: [],
    parkedCount: 0,
  });
  expect((await verifyLog(store, "board", null)).rows).toBeNull();
});

test("verifyLog: reports a damaged text, another position, mark, actor, stream or version", async () => {
  const cases: readonly (readonly [(record: StoredRecord) => StoredRecord, RegExp])[] = [
    [withText("{", ""), /at position 2 is not JSON/],
    [withText(/"received":\d+/, '"received":"x"'), /at position 2 is damaged: .*received is not a time/],
    [withText('"position":2', '"position":7'), /position 2 does not fit its other fields/],
    [withText(/"mark":"\w+"/, '"mark":"other"'), /position 2 does not fit its other fields/],
    [withText('"actor":"ada"', '"actor":"eve"'), /position 2 does not fit its other fields/],
    [
      (record) => ({ ...record, streams: [{ stream: "task/other", first: 1, last: 1 }] }),
      /position 2 does not fit its/,
    ],
    [withText('"version":1', '"version":3'), /Version 3 of task\/t1 at position 2 does not follow version 0/],
  ];
  for (const [change, problem] of cases) expect((await problemsWith(1, change)).join("\n")).toMatch(problem);
});

test("verifyLog: reports a store that loses the id of a commit, its head, or a record", async () => {
  const sound = async (): Promise<EventStore> => {
    const store = memory();
    await store.append("board", batch(null, { records: await records() }));
    return store;
  };
  const lost = await sound();
  lost.known = () => Promise.resolve(new Map());
  expect((await verifyLog(lost, "board", null)).problems).toContainEqual(matching(/not found by its id/));
  const gap = await sound();
  const read = gap.read.bind(gap);
  gap.read = async (...args) => {
    const page = await read(...args);
    return page.kind === "page" ? { ...page, records: page.records.filter(({ position }) => position !== 3) } : page;
  };
  expect((await verifyLog(gap, "board", null)).problems).toContainEqual("Position 4 does not follow position 2");
  const short = await sound();
  const readShort = short.read.bind(short);
  short.read = async (...args) => {
    const page = await readShort(...args);
    return page.kind === "page" ? { ...page, records: page.records.filter(({ position }) => position < 6) } : page;
  };
  expect((await verifyLog(short, "board", null)).problems).toContainEqual(
    "The head is at position 6, not at the last record",
  );
});

test("verifyLog: reports a damaged outcome, and an outcome beside a record of the same actor", async () => {
  const store = memory();
  await store.append("board", batch(null, { records: await records() }));
  const [first] = await readAll(store, "board");
  const commit = first?.commit ?? "";
  const text = JSON.stringify({ id: commit, outcome: "empty" });
  store.outcomes = (_, after) => Promise.resolve(after ? [] : [{ commit, actor: "ada", received: 1, text }]);
  expect((await verifyLog(store, "board", null)).problems).toEqual([
    `The commit ${commit} has a record and an outcome of one actor`,
  ]);
  store.outcomes = (_, after) => Promise.resolve(after ? [] : [{ commit, actor: "bob", received: 1, text: "{" }]);
  expect((await verifyLog(store, "board", null)).problems).toEqual([`The outcome of the commit ${commit} is damaged`]);
});

test("verifyLog: names the events that the domain cannot fold", async () => {
  const store = memory();
  const changed = (await records()).map((record) => ({
    ...record,
    text: record.text.replace("TaskRenamed", "TaskNew"),
  }));
  await store.append("board", batch(null, { records: changed }));
  const { problemCount, parkedCount, parked } = await verifyLog(store, "board", domain.definition);
  expect([problemCount, parkedCount, parked[0]?.stream]).toEqual([0, 1, "task/t1"]);
});
