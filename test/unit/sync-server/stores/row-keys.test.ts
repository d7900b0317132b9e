import { expect, test } from "vitest";
import { compareKeys, endOfPrefix, keyOfStored, storedKey } from "../../../../src/sync-server/stores/row-keys.ts";
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
