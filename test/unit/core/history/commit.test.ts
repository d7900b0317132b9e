/** The seen versions of a commit: the lowest version counts, and nothing raises it. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Commit, lowerSeen, lowestSeen, streamsOf } from "../../../../src/core/history/commit.ts";
import { author } from "../../../support/core/author.ts";

const stream = fc.constantFrom("task/a", "task/b", "column/c");
const place = fc.record({ stream, seen: fc.nat({ max: 9 }) });
const commit: fc.Arbitrary<Commit> = fc
  .array(fc.tuple(place, fc.array(place, { maxLength: 3 })), { minLength: 1, maxLength: 3 })
  .map((list) => ({
    ...author(),
    commands: list.map(([own, reads]) => ({ ...own, reads, name: "do", v: 1, events: [] })),
  }));

test("streamsOf, lowestSeen: return each stream of a commit once, with its lowest version", () => {
  fc.assert(
    fc.property(commit, (one) => {
      const places = one.commands.flatMap((command) => [command, ...command.reads]);
      const expected = new Map(
        places.map((named) => [
          named.stream,
          Math.min(...places.filter((other) => other.stream === named.stream).map(({ seen }) => seen)),
        ]),
      );
      expect(lowestSeen(one)).toEqual(expected);
      expect(streamsOf(one)).toEqual(new Set(expected.keys()));
    }),
  );
});

test("lowerSeen: lowers each seen to the agreed version, and changes nothing else", () => {
  fc.assert(
    fc.property(commit, fc.nat({ max: 9 }), (one, agreed) => {
      const before = JSON.stringify(one);
      const lowered = lowerSeen(one, (name) => (name === "task/b" ? 0 : agreed));
      const expected: unknown = JSON.parse(before, (_, value: unknown) => {
        if (typeof value !== "object" || value === null || !("seen" in value)) return value;
        const upTo = "stream" in value && value.stream === "task/b" ? 0 : agreed;
        return { ...value, seen: Math.min(Number(value.seen), upTo) };
      });
      expect(lowered).toEqual(expected);
      expect(JSON.stringify(one)).toBe(before);
      expect(lowerSeen(lowered, () => Number.MAX_SAFE_INTEGER)).toEqual(lowered);
    }),
  );
});
