import fc from "fast-check";
import { expect, test } from "vitest";
import { byteLength, exceedsBytes } from "../../../../src/core/values/byte-length.ts";

test("exceedsBytes: agrees with the bytes of UTF-8, for texts around the limit", () => {
  const unit = fc.constantFrom("a", "é", "€", "😀");
  const near = fc.string({ unit, maxLength: 8 }).chain((text) => {
    const bytes = Buffer.byteLength(text);
    return fc.record({ text: fc.constant(text), bytesMax: fc.integer({ min: bytes - 2, max: bytes * 3 + 1 }) });
  });
  fc.assert(
    fc.property(near, ({ text, bytesMax }) => {
      expect(byteLength(text)).toBe(Buffer.byteLength(text));
      expect(exceedsBytes(text, bytesMax)).toBe(Buffer.byteLength(text) > bytesMax);
    }),
  );
});
