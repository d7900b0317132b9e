import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { orderBetween } from "../../../demo/board/order.ts";

const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe("orderBetween", () => {
  test("orderBetween: a key is between its neighbours, in a thousand random drops", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), chance), { minLength: 1, maxLength: 300 }), (drops) => {
        const keys: string[] = [];
        for (const [where, luck] of drops) {
          const at = where % (keys.length + 1);
          keys.splice(
            at,
            0,
            orderBetween(keys[at - 1] ?? null, keys[at] ?? null, () => luck),
          );
        }
        expect(keys).toEqual([...keys].sort());
        expect(new Set(keys).size).toBe(keys.length);
        expect(keys.every((key) => /^[0-9A-Za-z]{1,500}$/.test(key))).toBe(true);
      }),
    );
  });

  test("orderBetween: a list that grows at one end keeps short keys", () => {
    let [first, last] = [orderBetween(null, null), orderBetween(null, null)];
    for (let n = 0; n < 20_000; n++) last = orderBetween(last, null);
    for (let n = 0; n < 20_000; n++) first = orderBetween(null, first);
    expect(Math.max(first.length, last.length)).toBeLessThanOrEqual(12);
  });

  test("orderBetween: a gap has space for a thousand cards", () => {
    const before = orderBetween(null, null);
    let after = orderBetween(before, null);
    for (let n = 0; n < 1_000; n++) {
      const between = orderBetween(before, after);
      expect(before < between && between < after).toBe(true);
      after = between;
    }
    expect(after.length).toBeLessThanOrEqual(500);
  });

  test("orderBetween: two people who use the same gap get different keys", () => {
    const before = orderBetween(null, null);
    const after = orderBetween(before, null);
    expect(orderBetween(before, after)).not.toBe(orderBetween(before, after));
  });

  test("orderBetween: between two equal keys it returns a key after both", () => {
    expect(orderBetween("V", "V") > "V").toBe(true);
  });
});
