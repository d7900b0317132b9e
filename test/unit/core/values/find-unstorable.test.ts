/** States that storage returns as they are, and the place of a value that it would not. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { findUnstorable } from "../../../../src/core/values/find-unstorable.ts";

test("findUnstorable: finds nothing in a state that JSON returns equal", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(findUnstorable(JSON.parse(JSON.stringify(value)))).toBeNull();
    }),
  );
});

test.each([
  ["undefined", undefined, "is of type undefined"],
  ["a function", () => 1, "is of type function"],
  ["NaN", Number.NaN, "is not a finite number"],
  ["a Date", new Date(0), "is not a plain object"],
])("findUnstorable: returns the place of %s, alone and inside a state", (_, value, reason) => {
  expect(findUnstorable(value)).toEqual({ path: [], reason });
  expect(findUnstorable({ list: [1, value] })).toEqual({ path: ["list", 1], reason });
});

test("findUnstorable: accepts 1,000 levels of nesting, and not one more", () => {
  const nested = (levels: number): unknown => {
    let state: unknown = {};
    for (let level = 0; level < levels; level++) state = [state];
    return state;
  };
  expect(findUnstorable(nested(1_000))).toBeNull();
  expect(findUnstorable(nested(1_001))?.reason).toBe("is nested deeper than 1000 levels");
});

test("findUnstorable: trusts frozen parts on request, and never a frozen Date", () => {
  const searched = Object.freeze([Object.freeze({ wrong: new Date(0) })]);
  expect(findUnstorable({ list: [...searched, 1] }, true)).toBeNull();
  expect(findUnstorable({ list: [...searched, Number.NaN] }, true)?.path).toEqual(["list", 1]);
  expect(findUnstorable({ list: [Object.freeze(new Date(0))] }, true)?.path).toEqual(["list", 0]);
  expect(findUnstorable({ list: searched })?.path).toEqual(["list", 0, "wrong"]);
});
