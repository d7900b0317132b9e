import fc from "fast-check";
import { expect, test } from "vitest";
import { rowMirror } from "../../../../src/client/page/row-mirror.ts";

const entry = (key: string, row: number) => ({ key, row, pending: false });
const key = fc.string({ unit: fc.constantFrom("a", "b", "Z", "é", "\u{1f600}", "/"), maxLength: 4 });
const delta = fc.record({
  projection: fc.constant("p"),
  set: fc.uniqueArray(fc.record({ key, row: fc.integer(), pending: fc.boolean() }), {
    selector: (one) => one.key,
    maxLength: 100,
  }),
  removed: fc.uniqueArray(key, { maxLength: 20 }),
});

test("rowMirror: returns all rows as they are, in the order of keys, after any changes", () => {
  fc.assert(
    fc.property(
      fc.array(delta, { maxLength: 12 }),
      fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      (deltas, looks) => {
        const mirror = rowMirror<number>();
        const plain = new Map<string, unknown>();
        mirror.fill([], 0);
        for (const [index, one] of deltas.entries()) {
          mirror.apply(one, index + 1);
          for (const gone of one.removed) plain.delete(gone);
          for (const there of one.set) plain.set(there.key, there);
          // Rows may change several times between two reads.
          if (looks[index]) expect(mirror.all()).toEqual([...plain.keys()].sort().map((name) => plain.get(name)));
        }
        expect(mirror.all()).toEqual([...plain.keys()].sort().map((name) => plain.get(name)));
      },
    ),
  );
});

test("rowMirror: returns the same array until a row changes", () => {
  const mirror = rowMirror<number>();
  mirror.fill([entry("b", 1), entry("a", 2)], 1);
  const first = mirror.all();
  expect(first.map((one) => one.key)).toEqual(["a", "b"]);
  expect(mirror.all()).toBe(first);
  mirror.apply({ projection: "p", set: [entry("a", 3)], removed: [] }, 2);
  expect(mirror.all()).not.toBe(first);
  expect(first[0]?.row).toBe(2);
  expect(mirror.row("a")?.row).toBe(3);
});

test("rowMirror: applies early deltas after the first rows, and drops those the rows contain", () => {
  const mirror = rowMirror<number>();
  mirror.apply({ projection: "p", set: [entry("a", 1)], removed: [] }, 3);
  mirror.apply({ projection: "p", set: [entry("a", 2)], removed: ["b"] }, 5);
  expect(mirror.all()).toEqual([]);
  mirror.fill([entry("a", 0), entry("b", 0)], 4);
  expect(mirror.all()).toEqual([entry("a", 2)]);
});
