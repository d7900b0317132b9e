/** The header and the pages of a base: each valid one comes back, and any other is refused at its place. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeCursor } from "../../../../src/core/history/record.ts";
import { parseBaseHeader, parseBasePage } from "../../../../src/core/wire/read-messages.ts";

const count = fc.nat();
const cursor = fc.record({ position: fc.integer({ min: 1 }), mark: fc.stringMatching(/^[A-Za-z0-9_]{1,64}$/) });
const bucket = fc.record({ table: fc.string(), bucket: count, text: fc.string() });

test("parseBaseHeader: reads back the header of a base", () => {
  const page = fc.record({ bytes: count, hash: fc.stringMatching(/^[0-9a-f]{16}$/) });
  fc.assert(
    fc.property(
      fc.record({ cursor, tables: fc.array(fc.string(), { maxLength: 4 }), pages: fc.array(page, { maxLength: 4 }) }),
      (header) => {
        const text = JSON.stringify({ ...header, cursor: encodeCursor(header.cursor) });
        expect(parseBaseHeader(text)).toEqual({ ok: true, value: header });
      },
    ),
  );
});

test("parseBasePage: reads back the buckets of a page, each sent as a list", () => {
  fc.assert(
    fc.property(fc.array(bucket, { maxLength: 5 }), (buckets) => {
      const text = JSON.stringify(buckets.map(({ table, bucket: n, text: rows }) => [table, n, rows]));
      expect(parseBasePage(text)).toEqual({ ok: true, value: buckets });
    }),
  );
});

test.each([
  ["no list", {}, []],
  ["a bucket that is no list", [{}], [0]],
  ["a bucket without rows", [["table", 0]], [0]],
  ["a bucket with more parts", [["table", 0, "[]", 1]], [0]],
  [
    "a table that is no text",
    [
      ["table", 0, "[]"],
      [7, 0, "[]"],
    ],
    [1],
  ],
  ["a bucket with a negative number", [["table", -1, "[]"]], [0]],
  ["rows that are no text", [["table", 0, []]], [0]],
])("parseBasePage: refuses %s, and returns the place", (_, page, path) => {
  expect(parseBasePage(JSON.stringify(page))).toMatchObject({ ok: false, problem: { path } });
});
