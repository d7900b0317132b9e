/** Values that an app's functions get: frozen in every part. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { deepFreeze, isPlainObject } from "../../../../src/core/values/json.ts";

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}

test("deepFreeze: freezes every part of any JSON value, and returns the same value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(deepFreeze(value)).toBe(value);
      expect(isDeeplyFrozen(value)).toBe(true);
    }),
  );
});

test("deepFreeze: ends for a value that contains itself", () => {
  const circle: { self?: unknown; list: unknown[] } = { list: [] };
  circle.self = circle;
  circle.list.push(circle);
  expect(deepFreeze(circle)).toBe(circle);
  expect(Object.isFrozen(circle.list)).toBe(true);
});

test("isPlainObject: accepts objects without a class, also of another realm, and no instances", () => {
  class Thing {}
  for (const value of [{}, Object.create(null) as object]) expect(isPlainObject(value)).toBe(true);
  const ofClass = [new Thing(), new Date(), new Map(), /a/, Object.create(new Thing()) as object];
  for (const value of ofClass) expect(isPlainObject(value)).toBe(false);
});
