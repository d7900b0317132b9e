// The two names under which a log is opened, and the errors for names that are not allowed.
import { expect, test } from "vitest";
import { DacapoError } from "../../../../src/core/values/errors.ts";
import { type OpenOptions, requireNames } from "../../../../src/client/messages/worker-messages.ts";

// Untyped, because JavaScript users may pass anything.
const refusal = (names: { readonly log: unknown; readonly user: unknown }): DacapoError | null => {
  try {
    requireNames(names as Pick<OpenOptions, "log" | "user">);
    return null;
  } catch (error) {
    if (error instanceof DacapoError) return error;
    throw error;
  }
};

test("requireNames: accepts allowed names", () => {
  for (const log of ["a", "7", "team-7", "a.b_c~d:e@f-g", "x".repeat(128)])
    expect(refusal({ log, user: "ada" }), log).toBeNull();
  for (const user of ["a", "Ada Lovelace", "ada@example.org", "é/ü", "x".repeat(128)])
    expect(refusal({ log: "team-7", user }), user).toBeNull();
});

test("requireNames: refuses a log's name and says what is allowed, without the user's name", () => {
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

test("requireNames: refuses a user's name and says what is allowed, without the log's name", () => {
  for (const user of ["", "\ud800", "x".repeat(129), 7, null, undefined]) {
    const error = refusal({ log: "team-7", user });
    expect(error, String(user)).toMatchObject({ code: "invalid", details: { path: ["user"] } });
    expect(error?.message).toMatch(
      /^The user's name .* is not allowed: it must have 1 to 128 characters, well-formed$/,
    );
    expect(`${error?.message} ${error?.fix}`).not.toMatch(/team-7|log/);
  }
});

test("requireNames: shortens a very long name in the message", () => {
  expect(refusal({ log: "x".repeat(100_000), user: "ada" })?.message.length).toBeLessThan(500);
});
