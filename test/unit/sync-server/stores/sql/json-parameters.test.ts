// Lists as JSON parameters: whole, in order, and small enough for Cloudflare.
import fc from "fast-check";
import { expect, test } from "vitest";
import { byteLength } from "../../../../../src/core/values/byte-length.ts";
import { jsonParameters } from "../../../../../src/sync-server/stores/sql/json-parameters.ts";
import { parseOwnJson } from "../../../../support/own-json.ts";

/** Texts that are long and of characters with one to four bytes. */
const text = fc
  .tuple(fc.constantFrom("x", "é", "中", "👋", '"', "\\", "\u0000"), fc.integer({ min: 0, max: 400_000 }))
  .map(([unit, length]) => unit.repeat(length));

test("jsonParameters: the parameters have each row once, in order, and are cut below 1.5 MB", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(), text), { maxLength: 12 }), (rows) => {
      const parameters = jsonParameters(rows);
      const parts = parameters.map((parameter) => parseOwnJson<(typeof rows)[number][]>(parameter));
      expect(parts.flat()).toEqual(rows);
      for (const [n, part] of parts.entries())
        expect(part.length === 1 || byteLength(parameters[n] ?? "") <= 1_500_000).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test("jsonParameters: rows that fit share one parameter, and no row needs none", () => {
  expect(
    jsonParameters([
      ["a", 1],
      ["b", null],
    ]),
  ).toEqual(['[["a",1],["b",null]]']);
  expect(jsonParameters(Array.from({ length: 10_000 }, (_, n) => [n]))).toHaveLength(1);
  expect(jsonParameters([])).toEqual([]);
});
