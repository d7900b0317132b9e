// The two names that a log is opened under, and what is told where one cannot be.
import { expect, test } from "vitest";
import { DacapoError } from "../../../../src/core/values/errors.ts";
import { type OpenOptions, requireNames } from "../../../../src/client/messages/worker-messages.ts";

// JavaScript users give anything.
const refusal = (names: { readonly log: unknown; readonly user: unknown }): DacapoError | null => {
  try {
    requireNames(names as Pick<OpenOptions, "log" | "user">);
    return null;
  } catch (error) {
    if (error instanceof DacapoError) return error;
    throw error;
  }
};

test("names that are allowed open a log", () => {
  for (const log of ["a", "7", "team-7", "a.b_c~d:e@f-g", "x".repeat(128)])
    expect(refusal({ log, user: "ada" }), log).toBeNull();
  for (const user of ["a", "Ada Lovelace", "ada@example.org", "é/ü", "x".repeat(128)])
    expect(refusal({ log: "team-7", user }), user).toBeNull();
});

test("a log's name that is not allowed is told as the log's, with what is; the user's name is not blamed", () => {
  for (const log of ["", "team 7", "-team", "team/7", "é", "x".repeat(129), 7, null, undefined]) {
    const error = refusal({ log, user: "ada" });
    expect(error, String(log)).toMatchObject({ code: "invalid", details: { path: ["log"] } });
    expect(error?.message).toMatch(
      /^The log's name .* is not allowed: it must have 1 to 128 of A-Z a-z 0-9 \. _ ~ : @ -, a letter or digit first$/,
    );
    expect(`${error?.message} ${error?.fix}`).not.toMatch(/ada|user/);
  }
  expect(refusal({ log: "team 7", user: "ada" })?.message).toContain('"team 7"');
});

test("a user's name that is not allowed is told as the user's, with what is; the log's name is not blamed", () => {
  for (const user of ["", "\ud800", "x".repeat(129), 7, null, undefined]) {
    const error = refusal({ log: "team-7", user });
    expect(error, String(user)).toMatchObject({ code: "invalid", details: { path: ["user"] } });
    expect(error?.message).toMatch(
      /^The user's name .* is not allowed: it must have 1 to 128 characters, well-formed$/,
    );
    expect(`${error?.message} ${error?.fix}`).not.toMatch(/team-7|log/);
  }
});

test("a name as long as a book does not make a message as long", () => {
  expect(refusal({ log: "x".repeat(100_000), user: "ada" })?.message.length).toBeLessThan(500);
});
