import { expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import {
  compareKeys,
  endOfPrefix,
  keyOfStored,
  readKeys,
  storedKey,
  workThatFits,
} from "../../../../src/sync-server/stores/row-keys.ts";
import { write } from "../../../../src/testing/event-store/samples.ts";
import { follow, modelsOf, rowsOf } from "../../../../src/testing/model-store/samples.ts";
import { seededRandom } from "../../../../src/testing/seeded-random.ts";

const CHARACTERS = ["\0", "\u0001", "\u0002", "a", "b", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10FFFF}"];

const random = seededRandom(1);
const keys = Array.from({ length: 300 }, () =>
  Array.from({ length: random.below(5) }, () => random.pick(CHARACTERS)).join(""),
);
const bytesOrder = (left: string, right: string) => Buffer.compare(Buffer.from(left), Buffer.from(right));

test("compareKeys: sorts by the UTF-8 bytes, also characters that JavaScript sorts differently", () => {
  expect(keys.toSorted(compareKeys)).toEqual(keys.toSorted(bytesOrder));
  expect(["\u{1F600}", "\ufffd"].toSorted(compareKeys)).toEqual(["\ufffd", "\u{1F600}"]);
});

test("storedKey: keeps the order, contains no NUL, and keyOfStored returns the key", () => {
  const stored = keys.map(storedKey);
  expect(stored.map(keyOfStored)).toEqual(keys);
  expect(stored.filter((key) => key.includes("\0"))).toEqual([]);
  expect(keys.toSorted(bytesOrder).map(storedKey)).toEqual(stored.toSorted(bytesOrder));
});

test("endOfPrefix: is behind each key with the prefix, and behind no other key", () => {
  for (const prefix of keys) {
    const end = endOfPrefix(prefix);
    for (const key of keys) {
      const isBetween = bytesOrder(key, prefix) >= 0 && (end === null || bytesOrder(key, end) < 0);
      expect(isBetween, JSON.stringify([prefix, key, end])).toBe(key.startsWith(prefix));
    }
  }
  expect(endOfPrefix("task/")).toBe("task0");
  expect(endOfPrefix("")).toBeNull();
});

test("readKeys, workThatFits: read large rows in pages, or only the keys whose rows fit", async () => {
  const store = memory();
  await write(store, "log", null, { commit: 1 });
  const models = modelsOf(store);
  const rows = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`k${n}`, JSON.stringify("x".repeat(999_998))]));
  await models.write("log", rowsOf(follow("a", 0), rows));
  const wanted = [...Object.keys(rows), "missing"];
  expect(await readKeys(models, "log", "a", "rows", wanted.toReversed())).toEqual(new Map(Object.entries(rows)));
  const tried: number[] = [];
  const fitting = await workThatFits(wanted, (keys, few) => {
    tried.push(keys.length);
    return readKeys(models, "log", "a", "rows", keys, few);
  });
  expect([...fitting.keys()]).toEqual(["k0", "k1", "k2", "k3"]);
  expect(tried).toEqual([11, 4]);
  const large = JSON.stringify("x".repeat(1_000_000));
  await models.write("log", rowsOf(follow("a", 1), Object.fromEntries(wanted.map((key) => [key, large]))));
  // A single item may need any number of rows.
  const whole = await workThatFits([wanted], ([keys = []], few) => readKeys(models, "log", "a", "rows", keys, few));
  expect(whole.size).toBe(11);
  expect(await readKeys(models, "log", "none", "rows", wanted)).toEqual(new Map());
});
