import { expect, test } from "vitest";
import { undecidedError, unchangedError } from "../../../../src/client/sync/unreachable-error.ts";

test("undecidedError: a commit for a newer server is no failure, and any other one is", () => {
  expect(undecidedError("later")).toBeNull();
  const error = { code: "unreachable", retry: "later", details: { status: 200, code: "undecided" } };
  expect(undecidedError("undecided")).toMatchObject(error);
});

test("unchangedError: is tried again without a wait that the server requested", () => {
  const { code, retry, details } = unchangedError("a pull");
  expect({ code, retry, details }).toEqual({ code: "unreachable", retry: "later", details: {} });
});
