// The plan of a seal: which records go into which run.
import { expect, test } from "vitest";
import {
  lengthOf,
  planSeal,
  SEGMENT_EVENTS_MAX,
  SEGMENT_LENGTH_MAX,
  sealIsDue,
} from "../../../../src/client/stores/sealing.ts";
import { batchOf, recordOf, recordsBehind, recordTexts } from "../../../../src/testing/log-store/fixtures.ts";

const batchesOf = (...events: readonly (readonly number[])[]) => {
  let after: ReturnType<typeof batchOf>["after"] = null;
  return events.map((counts) => {
    const batch = batchOf(after, recordsBehind(after, counts));
    after = batch.cursor;
    return batch;
  });
};

test("L9 planSeal: runs have at most 1,024 events, and the remainder stays in the tail", () => {
  const tail = batchesOf([600, 424], [1], [1000], [22, 2]);
  const plan = planSeal(tail);
  expect(plan?.segments.map(({ cursor }) => cursor.position)).toEqual([1024, 1024 + 1023]);
  expect(plan?.rest && recordTexts([plan.rest], plan.sealed)).toHaveLength(1);
  expect(plan?.lengthTaken).toBe(lengthOf(tail) - (plan?.rest?.text.length ?? 0));
});

test("L9 planSeal: batches after the last full run keep their text", () => {
  const plan = planSeal(batchesOf([1024], [5]));
  expect(plan).toMatchObject({ sealed: { position: 1024 }, rest: null });
});

test("L9 planSeal: a record that is larger than a run gets its own run", () => {
  const plan = planSeal(batchesOf([3, 5000, 4, 1024]));
  expect(plan?.segments.map(({ cursor }) => cursor.position)).toEqual([3, 5003, 5007, 6031]);
});

test("L9 planSeal: runs have at most 1 Mi characters", () => {
  const record = (position: number) => recordOf(position, 1, `m${position}`, "x".repeat(400_000));
  const plan = planSeal([batchOf(null, [1, 2, 3, 4, 5].map(record))]);
  expect(plan?.segments.map(({ cursor }) => cursor.position)).toEqual([2, 4]);
  expect(plan?.segments.every(({ text }) => text.length <= SEGMENT_LENGTH_MAX)).toBe(true);
  expect(recordTexts(plan?.segments ?? [], null)).toHaveLength(4);
});

test("L9 planSeal: a tail that is due only by the text around its records is sealed once", () => {
  const batch = batchOf(null, recordsBehind(null, [10]));
  const padded = { ...batch, text: `${" ".repeat(SEGMENT_LENGTH_MAX)}${batch.text}` };
  expect(sealIsDue(10, padded.text.length)).toBe(true);
  expect(planSeal([padded])).toMatchObject({ sealed: { position: 10 }, rest: null, lengthTaken: padded.text.length });
  expect(planSeal([])).toBeNull();
});

test("L9 sealIsDue: returns false below 1,024 events and 1 Mi characters", () => {
  expect(sealIsDue(SEGMENT_EVENTS_MAX - 1, SEGMENT_LENGTH_MAX - 1)).toBe(false);
  expect(sealIsDue(SEGMENT_EVENTS_MAX, 0)).toBe(true);
});
