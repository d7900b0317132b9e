import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  findJsonProblem,
  JSON_DEPTH_MAX,
  type Json,
  omitUndefined,
  sameJson,
} from "../../../../src/core/values/json.ts";
import { containing, matching } from "../../../support/matchers.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

/** Arbitrary values of JavaScript, and JSON with such a value inside. */
const odd = fc.anything({
  withBigInt: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
});
const json = fc.jsonValue({ maxDepth: 6, stringUnit: "binary" }).map((value) => value as Json);
const nearlyJson = fc.oneof(
  json,
  fc.tuple(json, odd).map(([good, bad]) => ({ good, list: [good, bad] })),
  odd,
);

function nested(levels: number, kind: "array" | "object"): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) value = kind === "array" ? [value] : { inner: value };
  return value;
}

describe("findJsonProblem: values without a problem", () => {
  test("findJsonProblem: a value without a problem comes back equal from the wire", () => {
    fc.assert(
      fc.property(nearlyJson, (value) => {
        fc.pre(findJsonProblem(value) === null);
        const back = parseOwnJson<Json>(JSON.stringify(value));
        expect(sameJson(back, omitUndefined(value as Json))).toBe(true);
        expect(findJsonProblem(back)).toBeNull();
      }),
      { numRuns: 1_000 },
    );
  });

  test("findJsonProblem: accepts well-formed text, exact numbers, plain arrays and objects", () => {
    const value = {
      text: "Milch 🥛",
      n: [0, -1, 1.5, 2 ** 53 - 1, 5e-324],
      yes: true,
      none: null,
      empty: [{}, []],
      "": "no name",
    };
    expect(findJsonProblem(value)).toBeNull();
    expect(findJsonProblem(Object.assign(Object.create(null), { a: 1 }))).toBeNull();
    expect(findJsonProblem(runInNewContext("({ list: [1, { a: 2 }] })"))).toBeNull();
  });

  test(`findJsonProblem: accepts ${JSON_DEPTH_MAX} levels of nesting, and not one more`, () => {
    for (const kind of ["array", "object"] as const) {
      expect(findJsonProblem(nested(JSON_DEPTH_MAX, kind))).toBeNull();
      expect(findJsonProblem(nested(JSON_DEPTH_MAX + 1, kind))).toMatchObject({
        reason: `is nested deeper than ${JSON_DEPTH_MAX} levels`,
      });
    }
  });
});

describe("findJsonProblem: values that would not survive", () => {
  const cases: [string, unknown, (string | number)[], RegExp][] = [
    ["undefined in an array", { a: [{ b: undefined }, undefined] }, ["a", 1], /undefined/],
    ["a function", [() => {}], [0], /function/],
    ["a bigint", { n: 1n }, ["n"], /bigint/],
    ["a symbol", { s: Symbol("s") }, ["s"], /symbol/],
    ["NaN", [0, Number.NaN], [1], /finite/],
    ["an endless number", { n: Infinity }, ["n"], /finite/],
    ["a number that JSON.parse makes endless", JSON.parse('{"n":1e400}'), ["n"], /finite/],
    ["minus zero", [-0], [0], /-0/],
    ["an integer that is not exact", { n: 2 ** 53 }, ["n"], /exact/],
    ["a lone surrogate", { text: "\ud83e" }, ["text"], /surrogate/],
    ["a lone surrogate in a key of a flat object", { "\udd5b": 1 }, [], /surrogate/],
    ["a lone surrogate in a key", { a: { "\udd5b": 1 } }, ["a"], /surrogate/],
    ["a Date", { at: new Date(0) }, ["at"], /plain object/],
    ["a Map", new Map(), [], /plain object/],
    ["a class of the app", { task: new (class Task {})() }, ["task"], /plain object/],
    ["a hole in an array", { list: Object.assign([1], { length: 2 }) }, ["list", 1], /hole/],
    [
      "a key that changes a prototype",
      JSON.parse('{"a":{"__proto__":{"admin":true}}}'),
      ["a", "__proto__"],
      /forbidden/,
    ],
    ["a key `constructor`", { constructor: 1 }, ["constructor"], /forbidden/],
    ["a key `prototype`", [{ prototype: 1 }], [0, "prototype"], /forbidden/],
  ];
  test.each(cases)("findJsonProblem: returns the place and the reason of %s", (_what, value, path, reason) => {
    expect(findJsonProblem(value)).toEqual({ path, reason: matching(reason) });
  });
});

describe("findJsonProblem: any value", () => {
  test("findJsonProblem: never throws", () => {
    fc.assert(
      fc.property(odd, (value) => {
        findJsonProblem(value);
      }),
      { numRuns: 1_000 },
    );
  });

  test("findJsonProblem: a deep value does not exhaust the stack", () => {
    expect(findJsonProblem(nested(1_000_000, "array"))).toMatchObject({ reason: containing("deeper") });
    expect(findJsonProblem(JSON.parse("[".repeat(5_000) + "]".repeat(5_000)))).not.toBeNull();
  });

  test("findJsonProblem: does not throw for a value that cannot be read", () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    for (const value of [
      {
        get title() {
          throw new Error("closed");
        },
      },
      [proxy],
    ])
      expect(findJsonProblem(value)).toMatchObject({ reason: containing("cannot be read") });
  });

  test("findJsonProblem: ends for a value that contains itself", () => {
    const loop: { self?: unknown } = {};
    loop.self = loop;
    expect(findJsonProblem(loop)).toMatchObject({ reason: containing("deeper") });
  });
});

describe("sameJson", () => {
  test("sameJson: ignores the order of keys", () => {
    expect(sameJson({ a: 1, b: [{ c: 2, d: 3 }] }, { b: [{ d: 3, c: 2 }], a: 1 })).toBe(true);
    fc.assert(fc.property(json, (value) => sameJson(value, structuredClone(value))));
  });

  test("sameJson: returns false for another order in an array, another type or another field", () => {
    const different: [Json | undefined, Json | undefined][] = [
      [
        [1, 2],
        [2, 1],
      ],
      [[1], [1, 2]],
      [{ a: 1 }, { a: 1, b: 1 }],
      [{ a: 1 }, { b: 1 }],
      [[], {}],
      [0, "0"],
      [null, undefined],
      [{ 0: 1 }, [1]],
      [{ a: null }, {}],
    ];
    for (const [left, right] of different)
      expect([sameJson(left, right), sameJson(right, left)], JSON.stringify([left, right])).toEqual([false, false]);
  });

  test("sameJson: each empty value equals only itself", () => {
    const empty: (Json | undefined)[] = [undefined, null, false, 0, "", [], {}];
    for (const [n, left] of empty.entries())
      expect(empty.map((right) => sameJson(left, right))).toEqual(empty.map((_, other) => other === n));
  });

  test("sameJson: an array differs from an object with the same length", () => {
    expect(sameJson([], { length: 0 })).toBe(false);
    expect(sameJson({ length: 0 }, [])).toBe(false);
    expect(sameJson(["a"], { length: 1, 0: "a" })).toBe(false);
  });

  test("sameJson: agrees with a comparison of texts in canonical order", () => {
    const canonical = (value: Json): string =>
      JSON.stringify(value, (_key, inner: unknown) =>
        typeof inner === "object" && inner !== null && !Array.isArray(inner)
          ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
          : inner,
      );
    fc.assert(
      fc.property(json, json, (left, right) => {
        fc.pre(findJsonProblem(left) === null && findJsonProblem(right) === null);
        expect(sameJson(left, right)).toBe(canonical(left) === canonical(right));
      }),
    );
  });
});
