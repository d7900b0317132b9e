import { expect, test } from "vitest";
import { SERVER_ID } from "../../../../src/core/wire/messages.ts";

test("SERVER_ID: is 1 to 64 letters, digits, underscores and hyphens", () => {
  for (const id of ["a", "Z_9-", "x".repeat(64)]) expect(SERVER_ID.test(id)).toBe(true);
  for (const id of ["", "a b", " ab", "ab ", "ä", "x".repeat(65)]) expect(SERVER_ID.test(id)).toBe(false);
});
