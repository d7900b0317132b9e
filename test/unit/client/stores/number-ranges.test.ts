import fc from "fast-check";
import { expect, test } from "vitest";
import {
  notInRanges,
  type NumberRanges,
  rangesAbove,
  rangesUpTo,
  withNumbers,
} from "../../../../src/client/stores/idb/number-ranges.ts";

const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 30 }));
const members = (ranges: NumberRanges) =>
  ranges.flatMap(([first, last]) => Array.from({ length: last - first + 1 }, (_, index) => first + index));
const sorted = (some: Iterable<number>) => [...new Set(some)].sort((a, b) => a - b);

test("number ranges: contain what a plain set contains, sorted and joined", () => {
  fc.assert(
    fc.property(fc.array(numbers, { maxLength: 4 }), numbers, fc.integer({ min: 0, max: 31 }), (steps, others, cut) => {
      const ranges = steps.reduce<NumberRanges>(withNumbers, []);
      const plain = sorted(steps.flat());
      expect(members(ranges)).toEqual(plain);
      ranges.slice(1).forEach(([first], index) => expect(first).toBeGreaterThan((ranges[index]?.[1] ?? 0) + 1));
      expect(members(rangesAbove(ranges, cut))).toEqual(plain.filter((n) => n > cut));
      expect(members(rangesUpTo(ranges, cut))).toEqual(plain.filter((n) => n <= cut));
      expect(notInRanges(sorted(others), ranges)).toEqual(sorted(others).filter((n) => !plain.includes(n)));
    }),
  );
});
