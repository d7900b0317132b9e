/** Each reader of the wire takes exactly the values of its description, and returns the place of any other. */
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  json,
  list,
  literal,
  orNull,
  parse,
  parseText,
  type Reader,
  shape,
  text,
  time,
  whole,
} from "../../../../src/core/wire/reader.ts";

const anything = fc.oneof(fc.anything(), fc.double(), fc.integer(), fc.string(), fc.constantFrom(0, 3, 4, 9, 10));

/** The reader returns a value equal to the given one exactly if `isFit` says so. Otherwise it returns `path`. */
function expectTakes<T>(
  reader: Reader<T>,
  isFit: (value: unknown) => boolean,
  values: fc.Arbitrary<unknown> = anything,
) {
  fc.assert(
    fc.property(values, (value) => {
      const parsed = parse(reader, value);
      expect(parsed.ok).toBe(isFit(value));
      if (parsed.ok) expect(parsed.value).toEqual(value);
      else expect(parsed.problem.path).toEqual([]);
    }),
  );
}

test("whole: takes the safe integers from the lowest to the highest, and no other value", () => {
  expectTakes(whole(3, 9), (value) => Number.isSafeInteger(value) && Number(value) >= 3 && Number(value) <= 9);
  for (const [value, ok] of [
    [3, true],
    [9, true],
    [2, false],
    [10, false],
    [3.5, false],
  ] as const)
    expect(parse(whole(3, 9), value).ok).toBe(ok);
  expect(parse(whole(0), Number.MAX_SAFE_INTEGER).ok).toBe(true);
  expect(parse(whole(0), Number.MAX_SAFE_INTEGER + 1).ok).toBe(false);
});

test("time: takes the numbers that a Date can show, and no other value", () => {
  expectTakes(time, (value) => typeof value === "number" && !Number.isNaN(new Date(Math.trunc(value)).getTime()));
  for (const value of [8.64e15, -8.64e15, 0.5]) expect(parse(time, value).ok).toBe(true);
  for (const value of [8.64e15 + 1, -8.64e15 - 1, NaN, Infinity, "0", null]) expect(parse(time, value).ok).toBe(false);
});

test("text: takes a well-formed text of at most the length, of the form if there is one", () => {
  const texts = fc.oneof(fc.string({ unit: "binary", maxLength: 6 }), fc.string({ maxLength: 6 }), fc.anything());
  expectTakes(text(4), (value) => typeof value === "string" && value.length <= 4 && value.isWellFormed(), texts);
  const form = fc.oneof(fc.stringMatching(/^[ab]{0,6}$/), fc.string({ maxLength: 3 }));
  expectTakes(text(4, /^[ab]+$/), (value) => /^[ab]{1,4}$/.test(String(value)), form);
  expect(parse(text(4), "\ud83d").ok).toBe(false);
  expect(parse(text(4), "abcd").ok).toBe(true);
  expect(parse(text(4), "abcde").ok).toBe(false);
});

test("literal, orNull: take the listed values, and null", () => {
  expectTakes(literal("a", "b"), (value) => value === "a" || value === "b", fc.constantFrom("a", "b", "c", null, true));
  expectTakes(orNull(whole(0)), (value) => value === null || value === 1, fc.constantFrom(null, undefined, 1, -1, "1"));
});

test("list: takes an array of the right length, and returns the place of the first wrong entry", () => {
  const numbers = list(whole(0), 3, 1);
  for (const length of [0, 1, 2, 3, 4])
    expect(
      parse(
        numbers,
        Array.from({ length }, () => 0),
      ).ok,
    ).toBe(length >= 1 && length <= 3);
  for (const value of [null, {}, "ab", { length: 2 }, new Set([1])]) expect(parse(numbers, value).ok).toBe(false);
  expect(parse(numbers, [1, -1, -2])).toMatchObject({ ok: false, problem: { path: [1] } });
});

test("shape: takes an object with each needed field, and returns the place of a wrong one", () => {
  const reader = shape({ a: whole(0) }, { b: list(whole(0), 3) });
  expect(parse(reader, { a: 1, b: [2], c: 3 })).toEqual({ ok: true, value: { a: 1, b: [2] } });
  expect(parse(reader, { a: 1 })).toEqual({ ok: true, value: { a: 1 } });
  expect(parse(reader, { b: [1] })).toMatchObject({ ok: false, problem: { path: ["a"], reason: "is missing" } });
  expect(parse(reader, { a: 1, b: [0, -1] })).toMatchObject({ ok: false, problem: { path: ["b", 1] } });
  expect(parse(reader, Object.create({ a: 1 })).ok).toBe(false);
  for (const value of [null, undefined, 1, "a", [], [1]])
    expect(parse(reader, value)).toMatchObject({ ok: false, problem: { path: [], reason: "is not an object" } });
});

test("shape, list: return the given value if it has no other field, and else a copy", () => {
  const reader = list(shape({ a: whole(0), inner: shape({ n: whole(0) }) }, { b: json }), 9);
  const plain = [{ inner: { n: 1 }, b: { c: [1] }, a: 1 }];
  const parsed = parse(reader, plain);
  expect(parsed.ok && parsed.value).toBe(plain);

  const forged = '[{"a":1,"inner":{"n":1}},{"__proto__":{"x":1},"b":[],"a":2,"inner":{"n":2,"x":1,"__proto__":3}}]';
  const clean = parseText(reader, forged);
  expect(clean.ok && JSON.stringify(clean.value)).toBe('[{"a":1,"inner":{"n":1}},{"a":2,"inner":{"n":2},"b":[]}]');
});

test("shape: returns the named fields and no others, whatever fields an object has", () => {
  const names = ["a", "b", "c", "__proto__", "constructor", "toString"];
  const objects = fc.dictionary(fc.constantFrom(...names), fc.nat());
  const reader = shape({}, { a: shape({}, { a: whole(0), toString: whole(0) }), b: whole(0) });
  fc.assert(
    fc.property(objects, objects, (outer, inner) => {
      const given = JSON.stringify({ ...outer, a: inner });
      const parsed = parseText(reader, given);
      const only = (value: object, kept: readonly string[]) =>
        Object.fromEntries(Object.entries(value).filter(([name]) => kept.includes(name)));
      expect(parsed).toEqual({ ok: true, value: { ...only(outer, ["b"]), a: only(inner, ["a", "toString"]) } });
      expect(parsed.ok && Object.keys(parsed.value).toSorted()).toEqual(Object.hasOwn(outer, "b") ? ["a", "b"] : ["a"]);
    }),
  );
});

test("json: returns the place of a part that the wire does not have", () => {
  expect(parse(json, { a: [1, null, { b: "text" }] }).ok).toBe(true);
  const inside = shape({ data: json });
  expect(parse(inside, { data: { a: [1, NaN] } })).toMatchObject({ ok: false, problem: { path: ["data", "a", 1] } });
});

test("parseText: a text that is not JSON is a problem, and an error of this code is thrown", () => {
  expect(parseText(whole(0), "12")).toEqual({ ok: true, value: 12 });
  expect(parseText(whole(0), "{")).toMatchObject({ ok: false, problem: { path: [], reason: "is not JSON" } });
  const buggy: Reader<number> = () => {
    throw new TypeError("a bug");
  };
  expect(() => parse(list(shape({ a: buggy }), 3), [{ a: 1 }])).toThrow(TypeError);
});
