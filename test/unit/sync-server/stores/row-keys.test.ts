import { expect, test } from "vitest";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import {
  compareKeys,
  endOfPrefix,
  keyOfStored,
  readKeys,
  storedKey,
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

test("readKeys: reads large rows in pages, all of them or the first page", async () => {
  const store = memory();
  await write(store, "log", null, { commit: 1 });
  const models = modelsOf(store);
  const rows = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`k${n}`, JSON.stringify("x".repeat(999_998))]));
  await models.write("log", rowsOf(follow("a", 0), rows));
  const wanted = [...Object.keys(rows).toReversed(), "missing"];
  const all = await readKeys(models, "log", "a", "rows", wanted);
  expect(all?.rows.map(([key]) => key)).toEqual(Object.keys(rows));
  expect(all?.more).toBe(false);
  const first = await readKeys(models, "log", "a", "rows", wanted, "first page");
  expect(first?.rows.map(([key]) => key)).toEqual(["k0", "k1", "k2", "k3"]);
  expect(first?.more).toBe(true);
  expect(await readKeys(models, "log", "none", "rows", wanted)).toBeNull();
});
