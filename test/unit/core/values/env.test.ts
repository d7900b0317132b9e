/** A pool of random bytes, against a model: the bytes of all draws, each returned at most once. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bytePool } from "../../../../src/core/values/env.ts";

/** A source whose bytes depend on the draw and the place in it, and which keeps the size of each draw. */
function countingDraw(): { readonly draw: (count: number) => Uint8Array; readonly counts: number[] } {
  const counts: number[] = [];
  return {
    counts,
    draw: (count) => {
      const drawn = counts.length;
      counts.push(count);
      return Uint8Array.from({ length: count }, (_, n) => (drawn * 31 + n) & 0xff);
    },
  };
}

describe("bytePool", () => {
  test("bytePool: returns the requested number of bytes, each drawn byte at most once", () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 1_500 }), { maxLength: 40 }), (calls) => {
        // The model: the portions that are left, in order of their draws. A portion that is too small is thrown away.
        const { draw, counts } = countingDraw();
        const model = countingDraw();
        let left: Uint8Array = new Uint8Array(0);
        const randomBytes = bytePool(draw);
        for (const count of calls) {
          const bytes = randomBytes(count);
          expect(bytes).toHaveLength(count);
          if (count > 1_024) {
            expect(bytes).toEqual(model.draw(count));
            continue;
          }
          if (left.length < count) left = model.draw(1_024);
          expect(bytes).toEqual(left.slice(0, count));
          left = left.slice(count);
        }
        expect(counts).toEqual(model.counts);
      }),
    );
  });

  test("bytePool: does not draw before the first call, and then in large portions", () => {
    const { draw, counts } = countingDraw();
    const randomBytes = bytePool(draw);
    expect(counts).toEqual([]);
    for (let call = 0; call < 102; call++) randomBytes(10);
    expect(counts).toEqual([1_024]);
    randomBytes(10);
    expect(counts).toEqual([1_024, 1_024]);
  });

  test("bytePool: a caller cannot change the bytes of a later call", () => {
    const shared = new Uint8Array(1_024).fill(7);
    const randomBytes = bytePool(() => shared);
    randomBytes(10).fill(0);
    shared.fill(1);
    expect(randomBytes(10)).toEqual(new Uint8Array(10).fill(7));
  });
});
