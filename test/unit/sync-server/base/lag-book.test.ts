import fc from "fast-check";
import { expect, test } from "vitest";
import { LagBook } from "../../../../src/sync-server/base/lag-book.ts";

const at = (position: number) => (position === 0 ? null : { position, mark: `m${position}` });
const MINUTE = 60_000;

test("LagBook: a follower has its largest lag of all logs, and 0 at the head of each", () => {
  const position = fc.integer({ min: 0, max: 5 });
  const note = fc.record({
    label: fc.constantFrom("a", "b"),
    log: fc.constantFrom("x", "y", "z"),
    at: position,
    head: position,
  });
  fc.assert(
    fc.property(fc.array(note), (notes) => {
      const book = new LagBook(() => 0, 5_000);
      for (const label of ["a", "b"]) book.add(label);
      for (const one of notes) book.note(one.label, one.log, at(one.at), at(one.head));
      const lagOf = (label: string) => {
        const last = new Map(notes.filter((one) => one.label === label).map((one) => [one.log, one.head - one.at]));
        return { value: Math.max(0, ...last.values()), facts: { follower: label } };
      };
      expect(book.read()).toEqual([lagOf("a"), lagOf("b")]);
    }),
  );
});

test("LagBook: a log that nobody read for a minute, or for three walks, counts no more", () => {
  let now = 0;
  for (const [walkMs, ms] of [
    [5_000, MINUTE],
    [MINUTE, 3 * MINUTE],
  ] as const) {
    const book = new LagBook(() => now, walkMs);
    book.note("model board", "x", at(1), at(9));
    now += ms;
    expect(book.read()).toEqual([{ value: 8, facts: { follower: "model board" } }]);
    now += 1;
    expect(book.read()).toEqual([{ value: 0, facts: { follower: "model board" } }]);
  }
});

test("LagBook: remembers the last 10,000 logs that are behind", () => {
  const book = new LagBook(() => 0, 5_000);
  book.note("a", "first", null, at(99));
  for (let n = 0; n < 10_000; n++) book.note("a", `log${n}`, null, at(2));
  expect(book.read()).toEqual([{ value: 2, facts: { follower: "a" } }]);
});
