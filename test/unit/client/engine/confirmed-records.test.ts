// Stored text that a disk damaged is refused before anything is folded from it.
import { expect, test } from "vitest";
import { recordsBehind } from "../../../../src/client/engine/confirmed-records.ts";
import { type CommitRecord, cursorOf } from "../../../../src/core/history/record.ts";

const EVENT = { type: "TaskAdded", v: 1, stream: "task/t1", version: 1, data: {} };
const recordAt = (position: number, change: object = {}): CommitRecord => ({
  position,
  mark: `m${position}`,
  commit: `c${position}`,
  client: "device",
  actor: "ada",
  time: 1,
  received: 1,
  meta: null,
  events: [EVENT, { ...EVENT, version: 2 }],
  ...change,
});
const batchOf = (records: readonly CommitRecord[]) => ({
  after: null,
  cursor: cursorOf(records.at(-1) ?? expect.fail("no record")),
  text: JSON.stringify({ records }),
});
const positions = (records: readonly CommitRecord[], position: number) =>
  recordsBehind(batchOf(records), position).map((record) => record.position);

test("recordsBehind: returns the records after a position, also from the middle of a text", () => {
  const records = [recordAt(1), recordAt(3), recordAt(5)];
  expect(positions(records, 0)).toEqual([1, 3, 5]);
  expect(positions(records, 1)).toEqual([3, 5]);
  expect(positions(records, 2)).toEqual([3, 5]);
  expect(positions(records, 4)).toEqual([5]);
  expect(positions(records, 6)).toEqual([]);
});

test.each([
  ["commit", { commit: 1 }],
  ["client", { client: null }],
  ["actor", { actor: {} }],
  ["an event", { events: [null] }],
  ["the stream of an event", { events: [{ ...EVENT, stream: 1 }] }],
  ["the type of an event", { events: [{ ...EVENT, type: 1 }] }],
  ["the version of an event", { events: [{ ...EVENT, version: "1" }] }],
  ["the second event", { events: [EVENT, { ...EVENT, version: null }] }],
])("recordsBehind: refuses a record whose text has a damaged part: %s", (_, change) => {
  const damaged = batchOf([recordAt(1), recordAt(3, change)]);
  expect(() => recordsBehind(damaged, 0)).toThrow(expect.objectContaining({ code: "storage-lost" }));
  expect(() => recordsBehind(damaged, 0)).toThrow("position 3");
});
