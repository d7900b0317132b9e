/** Errors as plain JSON: an error keeps its class, its code and its facts on the other side of a border. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BugError,
  ConcurrencyError,
  DacapoError,
  DefinitionError,
  type ErrorFacts,
  ForbiddenError,
  LogClosedError,
  PendingWorkError,
  ProtocolError,
  RejectedError,
  StorageFullError,
  StorageLostError,
  UnauthorizedError,
  UnknownAggregateError,
  UnknownCommandError,
  ValidationError,
} from "../../../../src/core/values/errors.ts";
import { fromPlainError, toPlainError } from "../../../../src/core/values/plain-error.ts";
import { reasonOf, shortText } from "../../../../src/core/values/reason.ts";
import { findJsonProblem } from "../../../../src/core/values/json.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const facts = { message: "It did not fit", fix: "Make it fit", details: { path: ["title", 0], reason: "is too long" } };
const CLASSES: readonly (new (given: ErrorFacts) => DacapoError)[] = [
  ValidationError,
  RejectedError,
  ConcurrencyError,
  UnauthorizedError,
  ForbiddenError,
  StorageFullError,
  StorageLostError,
  ProtocolError,
  UnknownAggregateError,
  UnknownCommandError,
  LogClosedError,
  PendingWorkError,
  DefinitionError,
];

describe("name of an error", () => {
  test.each(CLASSES.map((Class) => [Class.name, Class] as const))(
    "DacapoError: a minified %s keeps its name",
    (name, Class) => {
      const p = class extends Class {};
      expect([new Class(facts).name, new p(facts).name]).toEqual([name, name]);
    },
  );

  test("DacapoError: a minified BugError keeps its name", () => {
    const p = class extends BugError {};
    expect(new p("It did not fit").name).toBe("BugError");
  });

  test("DacapoError: a subclass of an app has the name of its base, or the one that it sets", () => {
    class Unnamed extends RejectedError {}
    class OutOfStock extends RejectedError {
      override readonly name = "OutOfStock";
    }
    expect([new Unnamed(facts).name, new OutOfStock(facts).name]).toEqual(["RejectedError", "OutOfStock"]);
    expect(new OutOfStock(facts)).toMatchObject({ code: "rejected", details: {} });
  });

  test("DacapoError: an error without a class of its own has the name of the base class", () => {
    expect(new DacapoError("gone", "never", facts).name).toBe("DacapoError");
  });
});

describe("toPlainError and fromPlainError", () => {
  test.each(CLASSES.map((Class) => [Class.name, Class] as const))(
    "fromPlainError: an error comes back with its class: %s",
    (name, Class) => {
      const error = new Class(facts);
      const back = fromPlainError(parseOwnJson(JSON.stringify(toPlainError(error))));
      expect(back).toBeInstanceOf(Class);
      expect([back.name, toPlainError(back)]).toEqual([name, toPlainError(error)]);
    },
  );

  test.each([
    ["ProtocolError", new ProtocolError(facts, "later")],
    ["ConcurrencyError", new ConcurrencyError(facts, "after-fix")],
  ] as const)("fromPlainError: a %s keeps its class with a retry of its own", (name, error) => {
    const back = fromPlainError(parseOwnJson(JSON.stringify(toPlainError(error))));
    expect([back.name, back.constructor, toPlainError(back)]).toEqual([name, error.constructor, toPlainError(error)]);
  });

  test("fromPlainError: keeps code and retry if no class has both of them", () => {
    const gone = { code: "gone", message: "Gone", fix: "", retry: "never", details: {} } as const;
    expect(toPlainError(fromPlainError(gone))).toEqual(gone);
    const busy = { ...toPlainError(new ValidationError(facts)), retry: "later" } as const;
    expect(toPlainError(fromPlainError(busy))).toEqual(busy);
  });

  test("DacapoError: each class has its own code and a valid retry", () => {
    const errors = [...CLASSES.map((Class) => new Class(facts)), new BugError("It broke")];
    expect(new Set(errors.map(({ code }) => code)).size).toBe(errors.length);
    for (const { retry } of errors) expect(["never", "later", "after-fix"]).toContain(retry);
  });

  test("DacapoError: an error without a cause has no field for it, so that a console prints none", () => {
    for (const given of [facts, { ...facts, cause: undefined }])
      expect("cause" in new ValidationError(given)).toBe(false);
  });

  test("toPlainError: does not send the cause to the other side", () => {
    const cause = new Error("secret");
    const error = new DacapoError("storage-newer", "never", { ...facts, cause });
    expect([error.cause, JSON.stringify(toPlainError(error))]).toEqual([cause, expect.not.stringContaining("secret")]);
  });
});

describe("reasonOf and shortText", () => {
  test("reasonOf, toPlainError: return a short well-formed text for every thrown value", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.anything({ withNullPrototype: true, withObjectString: true }),
          fc.string({ unit: "binary", maxLength: 3_000, size: "max" }).map((text) => new Error(text)),
        ),
        (thrown) => {
          for (const text of [reasonOf(thrown), toPlainError(thrown).message]) {
            expect(text.length).toBeLessThanOrEqual(1_000);
            expect(findJsonProblem(text)).toBeNull();
          }
        },
      ),
    );
  });

  test("shortText: cuts a long text, and leaves no half character", () => {
    expect([shortText("abc", 3), shortText("abcd", 3), shortText("a😀b", 3)]).toEqual(["abc", "ab…", "a\ufffd…"]);
  });
});
