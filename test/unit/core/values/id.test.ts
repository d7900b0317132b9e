/** Ids: random ids sort by time, derived ids depend on their commit, and the two never collide. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { derivedId, eventId, isUuid, mergedId, UUID_RANDOM_BYTES, uuidv7 } from "../../../../src/core/values/id.ts";
import { parseStream } from "../../../../src/core/values/names.ts";

const random = fc.uint8Array({ minLength: UUID_RANDOM_BYTES, maxLength: UUID_RANDOM_BYTES });
const time = fc.integer({ min: 0, max: 2 ** 48 - 1 });
const uuid = fc.tuple(time, random).map(([at, bytes]) => uuidv7(at, bytes));

describe("uuidv7", () => {
  test("uuidv7: returns a UUID of version 7 and the right variant, which starts with its time", () => {
    fc.assert(
      fc.property(time, random, (at, bytes) => {
        const id = uuidv7(at, bytes);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(at);
      }),
    );
  });

  test("uuidv7: ids sort as text in the order of time", () => {
    fc.assert(
      fc.property(
        time,
        time,
        random,
        random,
        (a, b, left, right) => a === b || a < b === uuidv7(a, left) < uuidv7(b, right),
      ),
    );
  });

  test("uuidv7: the bits of the random bytes follow each other, around the version and the variant", () => {
    expect(uuidv7(0, new Uint8Array(10).fill(255))).toBe("00000000-0000-7fff-bfff-ffffffffffff");
    expect(uuidv7(0, Uint8Array.from([1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 1, 0x23]))).toBe(
      "00000000-0000-7012-b456-789abcdef012",
    );
  });

  test("uuidv7: uses 74 of the 80 random bits", () => {
    const zero = new Uint8Array(UUID_RANDOM_BYTES);
    const ids = new Set(
      Array.from({ length: 80 }, (_, bit) =>
        uuidv7(
          0,
          zero.map((byte, n) => (n === bit >> 3 ? byte | (1 << (bit & 7)) : byte)),
        ),
      ),
    );
    expect(ids.size).toBe(74 + 1);
  });

  test("uuidv7: returns a UUID for every time of the device's clock", () => {
    for (const at of [-1, -62_135_596_800_000, 0.5, 2 ** 48, Number.NaN, Number.POSITIVE_INFINITY])
      expect(isUuid(uuidv7(at, new Uint8Array(10))), `${at}`).toBe(true);
  });
});

describe("derivedId, mergedId and eventId", () => {
  const index = fc.nat({ max: 10_000 });

  test("derivedId, mergedId, eventId: differ from each other and from commit ids", () => {
    fc.assert(
      fc.property(uuid, index, index, index, (commit, command, a, b) => {
        const made = [
          derivedId(commit, command, a),
          mergedId(commit, command, a),
          eventId(commit, a),
          derivedId(commit, command, a + b + 1),
          mergedId(commit, command, a + b + 1),
          derivedId(commit, command + b + 1, a),
        ];
        expect(new Set(made).size).toBe(made.length);
        for (const id of made) expect([isUuid(id), id.startsWith(commit)]).toEqual([false, true]);
      }),
    );
  });

  test("derivedId, mergedId: can be the id of a stream", () => {
    fc.assert(
      fc.property(
        uuid,
        index,
        index,
        (commit, command, n) =>
          parseStream(`task/${derivedId(commit, command, n)}`).ok &&
          parseStream(`task/${mergedId(commit, command, n)}`).ok,
      ),
    );
  });
});

test("isUuid: accepts only the lower-case form, because another form would be another commit", () => {
  const id = "018bcfe5-6800-7000-8000-00000000000a";
  expect(isUuid(id)).toBe(true);
  for (const other of [id.toUpperCase(), `{${id}}`, id.replaceAll("-", ""), ` ${id}`, `${id}\n`, ""])
    expect(isUuid(other), JSON.stringify(other)).toBe(false);
});
