/** Error codes are a union type: an app can switch over all of them, and the compiler refuses a wrong one. */
import { DacapoError, type DacapoErrorCode, type PlainError, ValidationError } from "dacapo";
import { expect, expectTypeOf, test } from "vitest";

/** The compiler reads the mistakes. Nothing runs them. */
function refused(..._mistakes: (() => unknown)[]): void {}

type Whose = "app" | "disk" | "server" | "program";

/** A switch with each code and no default branch. It does not compile if a case is missing. */
function whoseTask(code: DacapoErrorCode): Whose {
  switch (code) {
    case "invalid":
    case "rejected":
    case "concurrency":
    case "unauthorized":
    case "forbidden":
    case "log-closed":
    case "pending-work":
    case "other-server":
    case "unexpected":
      return "app";
    case "storage-full":
    case "storage-lost":
      return "disk";
    case "storage-newer":
    case "protocol":
    case "unreachable":
    case "gone":
    case "diverged":
    case "rows-behind":
    case "rows-building":
    case "not-by-stream":
    case "rows-not-populated":
    case "parked":
    case "job-stopped":
    case "sql-models-unsupported":
    case "overloaded":
    case "port-taken":
    case "cannot-listen":
      return "server";
    case "unknown-aggregate":
    case "unknown-command":
    case "definition":
    case "bug":
      return "program";
  }
}

const facts = { message: "The id is not valid", fix: "Use another id" };

test("DacapoErrorCode: a switch over all codes is complete", () => {
  const error = new ValidationError(facts);
  expect(whoseTask(error.code)).toBe("app");
  expectTypeOf<DacapoError["code"]>().toEqualTypeOf<DacapoErrorCode>();
  expectTypeOf<PlainError["code"]>().toEqualTypeOf<DacapoErrorCode>();
});

test("DacapoErrorCode: a caught error has it too, so that the switch stays complete", () => {
  const codeOf = (error: unknown) => (error instanceof DacapoError ? error.code : null);
  expectTypeOf(codeOf).returns.toEqualTypeOf<DacapoErrorCode | null>();
  expect(codeOf(new ValidationError(facts))).toBe("invalid");
});

test("DacapoErrorCode: the compiler refuses a misspelled code and a switch without a case", () => {
  refused(
    () => (error: DacapoError) => {
      // @ts-expect-error This comparison appears to be unintentional: no such code
      if (error.code === "storage-ful") return null;
      return error.code;
    },
    () => (error: DacapoError) => {
      switch (error.code) {
        // @ts-expect-error Type '"log-close"' is not comparable to type 'DacapoErrorCode'
        case "log-close":
          return null;
        default:
          return error.code;
      }
    },
    // @ts-expect-error Argument of type '"odd"' is not assignable to parameter of type 'DacapoErrorCode'
    () => new DacapoError("odd", "never", facts),
    () =>
      // @ts-expect-error Function lacks ending return statement: the switch has no case for 'gone'
      (error: DacapoError): Whose => {
        switch (error.code) {
          case "invalid":
            return "app";
        }
      },
  );
});
