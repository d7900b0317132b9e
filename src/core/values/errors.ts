/**
 * Every error that a user of Dacapo can meet: a class with a stable `code`, what happened, and what to do.
 *
 * Holds: an error crosses the worker's border and the wire as plain JSON (`toPlainError`) and comes back as its class
 * (`fromPlainError`). Compare `code`, not the class, where two copies of the package may be loaded.
 */
import type { Json } from "./json.ts";

/** Whether the same call may succeed: never; later, unchanged; or once something was mended. */
export type Retry = "never" | "later" | "after-fix";

export type ErrorFacts = {
  /** What happened, to what, with which values. */
  readonly message: string;
  /** What to do about it. */
  readonly fix: string;
  readonly details?: { readonly [key: string]: Json };
  readonly cause?: unknown;
};

export type PlainError = {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
  readonly retry: Retry;
  readonly details: { readonly [key: string]: Json };
};

export class DacapoError extends Error {
  readonly code: string;
  readonly fix: string;
  readonly retry: Retry;
  readonly details: { readonly [key: string]: Json };

  constructor(code: string, retry: Retry, facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target.name;
    this.code = code;
    this.retry = retry;
    this.fix = facts.fix;
    this.details = facts.details ?? {};
  }
}

/** An input, an event or a value does not fit: `details.path` and `details.reason` tell where and why. */
export class ValidationError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("invalid", "after-fix", facts);
  }
}

/** The domain said no: `details.code` is its own word for it. Nothing was recorded. */
export class RejectedError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("rejected", "after-fix", facts);
  }
}

/** A stream or a log is not where the caller expected it: `details.expected`, `details.actual`. */
export class ConcurrencyError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("concurrency", "later", facts);
  }
}

export class UnauthorizedError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("unauthorized", "after-fix", facts);
  }
}

export class ForbiddenError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("forbidden", "never", facts);
  }
}

/** The device or the server's disk is full. What was asked was not recorded. */
export class StorageFullError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("storage-full", "after-fix", facts);
  }
}

/** The storage cannot be reached or read any more, after opening it again was tried. */
export class StorageLostError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("storage-lost", "later", facts);
  }
}

/** The other side said something that the protocol does not know or allow. */
export class ProtocolError extends DacapoError {
  constructor(facts: ErrorFacts, retry: Retry = "never") {
    super("protocol", retry, facts);
  }
}

export class UnknownAggregateError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("unknown-aggregate", "after-fix", facts);
  }
}

export class UnknownCommandError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("unknown-command", "after-fix", facts);
  }
}

/** The log was closed by `close()`, or its worker has gone. */
export class LogClosedError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("log-closed", "never", facts);
  }
}

/** A definition (aggregate, projection, domain, option) is wrong: a mistake of the program, seen when it starts. */
export class DefinitionError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("definition", "never", facts);
  }
}

/** An assertion that failed inside Dacapo. */
export class BugError extends DacapoError {
  constructor(message: string, details: { readonly [key: string]: Json } = {}) {
    super("bug", "never", {
      message: `${message}. This is a bug in Dacapo.`,
      fix: "Please open an issue with this message and its details.",
      details,
    });
  }
}

const CLASSES: ReadonlyMap<string, new (facts: ErrorFacts) => DacapoError> = new Map<
  string,
  new (facts: ErrorFacts) => DacapoError
>([
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
  ["definition", DefinitionError],
]);

/** Characters of a reason. It travels in outcomes and stands in a status; an app may throw a novel. */
const REASON_LENGTH_MAX = 1_000;

/** What a thrown value says, for people. Total: an app's function may throw anything, even what cannot be made a text. */
export function reasonOf(thrown: unknown): string {
  try {
    return shortText(thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown));
  } catch {
    return "something was thrown that cannot be shown";
  }
}

/** A text that can travel: short, and well-formed also where an app, or we here, cut a character in two. */
export function shortText(text: string, lengthMax: number = REASON_LENGTH_MAX): string {
  const cut = text.length > lengthMax ? `${text.slice(0, lengthMax - 1)}…` : text;
  return cut.toWellFormed();
}

/** Plain JSON of any thrown value; what is not a DacapoError becomes `unexpected`. */
export function toPlainError(error: unknown): PlainError {
  if (error instanceof DacapoError) {
    const { code, message, fix, retry, details } = error;
    return { code, message, fix, retry, details };
  }
  return {
    code: "unexpected",
    message: reasonOf(error),
    fix: "See the message; the app's own functions may have thrown it.",
    retry: "never",
    details: {},
  };
}

/** The error that `toPlainError` was made from, with its class where the code has one. */
export function fromPlainError(plain: PlainError): DacapoError {
  const { code, message, fix, retry, details } = plain;
  const Class = CLASSES.get(code);
  return Class && retry === new Class({ message, fix }).retry
    ? new Class({ message, fix, details })
    : new DacapoError(code, retry, { message, fix, details });
}
