import fc from "fast-check";
import { expect, test } from "vitest";
import { compareRows, NOTHING_COMPARED } from "../../../../src/sync-server/read-models/compare-rows.ts";
import { compareKeys } from "../../../../src/sync-server/stores/row-keys.ts";

type Table = ReadonlyMap<string, string | null>;

function pageOf(table: Table, after: string | null, limit: number) {
  const keys = [...table.keys()].sort(compareKeys).filter((key) => after === null || compareKeys(key, after) > 0);
  const rows = keys.slice(0, limit).map((key) => [key, table.get(key) ?? null] as const);
  return { rows, more: rows.length < keys.length };
}

function compareAll(stored: Table, folded: Table, limit: number) {
  for (let at = NOTHING_COMPARED; ;) {
    const { next, isEnded } = compareRows(at, pageOf(stored, at.to, limit), pageOf(folded, at.to, limit));
    if (isEnded) return next;
    at = next;
  }
}

const key = fc.string({ maxLength: 2, unit: "binary" });
const table = fc.dictionary(key, fc.constantFrom("1", "2")).map((rows) => new Map(Object.entries(rows)));

test("compareRows: finds each difference once, however the pages end", () => {
  fc.assert(
    fc.property(
      table,
      table,
      fc.array(key, { maxLength: 3 }),
      fc.integer({ min: 1, max: 4 }),
      (stored, folded, deleted, limit) => {
        const withTombstones: Table = new Map<string, string | null>([
          ...stored,
          ...deleted.map((one) => [one, null] as const),
        ]);
        const keys = [...new Set([...withTombstones.keys(), ...folded.keys()])].sort(compareKeys);
        const expected = keys
          .filter((one) => withTombstones.get(one) !== null && withTombstones.get(one) !== folded.get(one))
          .map((one) => ({ key: one, stored: withTombstones.get(one) ?? null, folded: folded.get(one) ?? null }));
        const { rows, differences, more } = compareAll(withTombstones, folded, limit);
        expect({ rows, differences, more }).toEqual({
          rows: keys.filter((one) => withTombstones.get(one) !== null).length,
          differences: expected,
          more: false,
        });
      },
    ),
  );
});

test("compareRows: keeps 100 differences, and at least one of long rows", () => {
  const many = new Map(Array.from({ length: 250 }, (_, n) => [`k${n}`, "1"]));
  expect(compareAll(many, new Map(), 70)).toMatchObject({ rows: 250, more: true });
  expect(compareAll(many, new Map(), 70).differences).toHaveLength(100);
  const long = new Map([
    ["a", "x".repeat(300_000)],
    ["b", "y".repeat(300_000)],
  ]);
  expect(compareAll(long, new Map(), 1)).toMatchObject({ differences: [{ key: "a" }], more: true });
});
