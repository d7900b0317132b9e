import fc from "fast-check";
import { expect, test } from "vitest";
import { type Author, authorKey, isSameAuthor } from "../../../../src/core/history/author.ts";

const actor = fc.oneof(fc.constantFrom("ann", "ann ", " ann", "bob"), fc.string({ maxLength: 8 }));
const client = fc.constantFrom("018bcfe5-6800-7000-8000-00000000000a", "018bcfe5-6800-7000-8000-00000000000b");
const author: fc.Arbitrary<Author> = fc.record({ actor, client });

test("isSameAuthor: is true exactly where actor and client are the same, and authorKey agrees", () => {
  fc.assert(
    fc.property(author, author, (left, right) => {
      const isSame = JSON.stringify([left.actor, left.client]) === JSON.stringify([right.actor, right.client]);
      expect(isSameAuthor(left, right)).toBe(isSame);
      expect(authorKey(left) === authorKey(right)).toBe(isSame);
    }),
  );
});

test("isSameAuthor: another device or another person is another author", () => {
  const ann = { actor: "ann", client: "device-1" };
  expect(isSameAuthor(ann, { ...ann })).toBe(true);
  expect([isSameAuthor(ann, { ...ann, client: "device-2" }), isSameAuthor(ann, { ...ann, actor: "bob" })]).toEqual([
    false,
    false,
  ]);
});
