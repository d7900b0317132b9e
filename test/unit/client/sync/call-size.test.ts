import fc from "fast-check";
import { expect, test } from "vitest";
import {
  afterCall,
  afterFailure,
  type CallSize,
  firstCallSize,
  SMALL_PUSH_BYTES,
  withLimits,
  withoutGzip,
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

test("call sizes: a device begins with 64 KiB, and reads the limits before a push above 16 KiB", () => {
  expect([firstCallSize.pageBytes, firstCallSize.pushBytes, SMALL_PUSH_BYTES]).toEqual([64 * KIB, 64 * KIB, 16 * KIB]);
});

test("afterCall: sizes grow and shrink by how often a call would fit into ten seconds", () => {
  const after = (ms: number) => afterCall(firstCallSize, "pushBytes", 64 * KIB, ms).pushBytes / KIB;
  expect([2_500, 2_501, 5_000, 5_001, 10_000, 10_001, 0].map(after)).toEqual([256, 128, 128, 64, 64, 32, 256]);
});

test("afterCall: half of a full call shows the speed, and less shows nothing", () => {
  const grown = (bytes: number) => afterCall(firstCallSize, "pageBytes", bytes, 1).pageBytes > 64 * KIB;
  expect([32 * KIB - 1, 32 * KIB].map(grown)).toEqual([false, true]);
});

test("afterCall: a push that the server's limit fills is full, and a page never is by that limit", () => {
  const limited = { ...firstCallSize, pushBytesMax: 2_000 };
  expect(afterCall(limited, "pushBytes", 1_000, 1).pushBytes).toBe(256 * KIB);
  expect(afterCall(limited, "pushBytes", 999, 1)).toBe(limited);
  expect(afterCall(limited, "pageBytes", 1_000, 1)).toBe(limited);
});

test("afterCall: pages and pushes stop at their own largest sizes", () => {
  const largest = (what: "pageBytes" | "pushBytes") => settled(what, 1e12);
  expect([largest("pageBytes"), largest("pushBytes")]).toEqual([LIMITS.pageBytesMax, LIMITS.pushBytesMax]);
});

test("withLimits: a server with a tiny limit still gets commits", () => {
  const info = { protocol: 1, cursor: null, head: 0, domain: 1, limits: { ...LIMITS, pushBytesMax: 100 } };
  expect(withLimits(firstCallSize, { ...info, encodings: [] })).toMatchObject({ pushBytesMax: 1, gzip: false });
});

test("withoutGzip: ends gzip, and leaves limits that were not read unread", () => {
  expect([null, true, false].map((gzip) => withoutGzip({ ...firstCallSize, gzip }).gzip)).toEqual([null, false, false]);
});
