import fc from "fast-check";
import { expect, test } from "vitest";
import {
  afterCall,
  afterFailure,
  type CallSize,
  firstCallSize,
  withLimits,
} from "../../../../src/client/sync/call-size.ts";
import { LIMITS } from "../../../../src/core/history/limits.ts";

const KIB = 1024;
/** The sizes after full calls on a link of constant speed. */
function settled(what: "pageBytes" | "pushBytes", bytesPerSecond: number, first: CallSize = firstCallSize): number {
  let size = first;
  for (let calls = 0; calls < 30; calls++)
    size = afterCall(size, what, size[what], (size[what] / bytesPerSecond) * 1_000);
  return size[what];
}

test("afterCall: on a constant link, a full call settles below 11 s, or at the least size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 10, max: 100_000_000 }), (speed) => {
      for (const what of ["pageBytes", "pushBytes"] as const) {
        const bytes = settled(what, speed);
        expect(bytes / speed <= 11 || bytes === KIB).toBe(true);
        expect(Math.log2(bytes) % 1).toBe(0);
      }
    }),
  );
});

test("afterCall: a fast link reaches the largest page within three calls", () => {
  let size = firstCallSize;
  for (let calls = 0; calls < 3; calls++) size = afterCall(size, "pageBytes", size.pageBytes, 50);
  expect(size.pageBytes).toBe(LIMITS.pageBytesMax);
});

test("afterCall: a call that was not nearly full changes nothing", () => {
  expect(afterCall(firstCallSize, "pageBytes", 1_000, 9_000)).toBe(firstCallSize);
});

test("afterFailure: sizes halve down to a least size, and grow again after full calls", () => {
  let size = firstCallSize;
  for (let calls = 0; calls < 20; calls++) size = afterFailure(size);
  expect([size.pageBytes, size.pushBytes]).toEqual([KIB, KIB]);
  expect(settled("pageBytes", 50_000, size)).toBe(256 * KIB);
});

test("withLimits: a push stays below the server's limit, with room for its other fields", () => {
  const info = { protocol: 1, cursor: null, head: 0, domain: 1, limits: { ...LIMITS, pushBytesMax: 10_000 } };
  expect(withLimits(firstCallSize, info)).toMatchObject({ pushBytesMax: 9_488, gzip: false });
  expect(withLimits(firstCallSize, { ...info, encodings: ["br", "gzip"] }).gzip).toBe(true);
});
