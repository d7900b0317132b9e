/**
 * An error on its way over a border, as plain JSON: from worker to page, from object to Worker, into a status.
 *
 * Guarantees (plain-error.test.ts): `fromPlainError` returns an error of the class that `toPlainError` was called with.
 */
import type { DacapoErrorCode, Retry } from "./error-codes.ts";
import {
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
} from "./errors.ts";
import type { Json } from "./json.ts";
import { reasonOf } from "./reason.ts";

/** An error as plain JSON, such as `status.error` of a log. */
export type PlainError = {
  /** The stable name of the kind of error. */
  readonly code: DacapoErrorCode;
  /** The noun, its state and the values. */
  readonly message: string;
  /** The step for a person or a program that fixes it. */
  readonly fix: string;
  /** Whether the same call may succeed. */
  readonly retry: Retry;
  /** Values for programs. */
  readonly details: { readonly [key: string]: Json };
};

/**
 * The class of each code that has a class of its own. `BugError` is missing, because its text is built from a message.
 */
const CLASSES = new Map<DacapoErrorCode, new (facts: ErrorFacts, retry?: Retry) => DacapoError>([
  ["invalid", ValidationError],
  ["rejected", RejectedError],
  ["concurrency", ConcurrencyError],
  ["unauthorized", UnauthorizedError],
  ["forbidden", ForbiddenError],
  ["storage-full", StorageFullError],
  ["storage-lost", StorageLostError],
  ["protocol", ProtocolError],
  ["unknown-aggregate", UnknownAggregateError],
  ["unknown-command", UnknownCommandError],
  ["log-closed", LogClosedError],
  ["pending-work", PendingWorkError],
  ["definition", DefinitionError],
]);

/** Plain JSON of any thrown value. A value that is not a DacapoError gets the code `unexpected`. */
export function toPlainError(error: unknown): PlainError {
  if (error instanceof DacapoError) {
    const { code, message, fix, retry, details } = error;
    return { code, message, fix, retry, details };
  }
  return {
    code: "unexpected",
    message: reasonOf(error),
    fix: "Read the message. A function of the app may have thrown it.",
    retry: "never",
    details: {},
  };
}

/** The error that `toPlainError` was called with. It has its class, unless no error of that class has its `retry`. */
export function fromPlainError({ code, retry, message, fix, details }: PlainError): DacapoError {
  const facts = { message, fix, details };
  const Class = CLASSES.get(code);
  const error = Class && new Class(facts, retry);
  return error?.retry === retry ? error : new DacapoError(code, retry, facts);
}
