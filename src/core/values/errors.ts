/**
 * Every error that a user of Dacapo can meet: a class with a stable `code`, the message and the fix.
 *
 * Guarantees:
 * - `DacapoErrorCode` contains each code that Dacapo itself uses, because the constructor accepts no other.
 * - Codes are stable. Compare `code`, not the class, if two copies of the package may be loaded.
 */
import type { DacapoErrorCode, Retry } from "./error-codes.ts";
import type { Json } from "./json.ts";

/** The texts and the values of an error. */
export type ErrorFacts = {
  /** The noun, its state and the values. */
  readonly message: string;
  /** The step for a person or a program that fixes it. */
  readonly fix: string;
  /** Values for programs, as plain JSON. @default {} */
  readonly details?: { readonly [key: string]: Json };
  /** The error below this one. It stays on this side of every border. */
  readonly cause?: unknown;
};

/**
 * The base class of every error that Dacapo throws.
 *
 * A subclass of your own has the `name` of the class that it extends, as a subclass of `TypeError` has. To give it
 * another one, write `override readonly name = "OutOfStock"`. The name of the class itself would not survive a bundler.
 *
 * @example
 * try {
 *   await log.execute(task.command.add("t1", { title: "Milk" }));
 * } catch (error) {
 *   if (error instanceof DacapoError) console.warn(error.code, error.message, error.fix);
 * }
 */
export class DacapoError extends Error {
  /** The stable name of the kind of error. Compare it, not the message. */
  readonly code: DacapoErrorCode;
  /** The step for a person or a program that fixes it. */
  readonly fix: string;
  /** Whether the same call may succeed: `never`, `later` without a change, or only `after-fix`. */
  readonly retry: Retry;
  /** Values for programs, as plain JSON. Each class names its own. */
  readonly details: { readonly [key: string]: Json };

  constructor(code: DacapoErrorCode, retry: Retry, facts: ErrorFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = new.target === DacapoError ? "DacapoError" : nameOf(code);
    this.code = code;
    this.retry = retry;
    this.fix = facts.fix;
    this.details = facts.details ?? {};
  }
}

/** The name of a code's class, also if a bundler renamed the class. */
function nameOf(code: DacapoErrorCode): string {
  if (code === "invalid") return "ValidationError";
  return `${code.replace(/(?:^|-)./g, (start) => start.slice(-1).toUpperCase())}Error`;
}

/**
 * Code `invalid`: an input, an event, a name or an archive is not valid. Nothing was recorded. `details.path` and
 * `details.reason`, if they exist, name the place and the reason.
 *
 * @example
 * try {
 *   task.ref("a b");
 * } catch (error) {
 *   if (error instanceof ValidationError) console.warn(error.details.path, error.details.reason);
 * }
 */
export class ValidationError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("invalid", "after-fix", facts);
  }
}

/**
 * Code `rejected`: the domain refused a command, or the device does not know the commit. Nothing was recorded.
 * `details.code` is the domain's own code, such as `no-such-task`.
 *
 * @example
 * try {
 *   await log.execute(task.command.rename("t1", { title: "Milk" }));
 * } catch (error) {
 *   if (error instanceof RejectedError && error.details.code === "no-such-task") console.warn("The task is gone");
 * }
 */
export class RejectedError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("rejected", "after-fix", facts);
  }
}

/**
 * Code `concurrency`: a log is not in the state that the caller expected. For example, `import` needs an empty log.
 *
 * @example
 * try {
 *   await log.import(file.stream().pipeThrough(new TextDecoderStream()));
 * } catch (error) {
 *   if (error instanceof ConcurrencyError) console.warn(error.message, error.fix);
 * }
 */
export class ConcurrencyError extends DacapoError {
  constructor(facts: ErrorFacts, retry: Retry = "later") {
    super("concurrency", retry, facts);
  }
}

/**
 * Code `unauthorized`: the server needs a valid token. Work is kept on the device and sent after the next sign-in.
 *
 * @example
 * log.status.subscribe(({ error }) => {
 *   if (error?.code === "unauthorized") location.assign("/sign-in");
 * });
 */
export class UnauthorizedError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("unauthorized", "after-fix", facts);
  }
}

/**
 * Code `forbidden`: the server refuses this person. `details.code` is the server's own code.
 *
 * @example
 * log.status.subscribe(({ error }) => {
 *   if (error?.code === "forbidden") console.warn("Ask for the right to this log");
 * });
 */
export class ForbiddenError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("forbidden", "never", facts);
  }
}

/**
 * Code `storage-full`: the disk of the device or of the server is full. The call recorded nothing.
 *
 * @example
 * await log.execute(task.command.add("t1", { title: "Milk" })).catch((error) => {
 *   if (error instanceof StorageFullError) console.warn(error.fix);
 * });
 */
export class StorageFullError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("storage-full", "after-fix", facts);
  }
}

/**
 * Code `storage-lost`: the storage cannot be reached or read. `details.reason`, if it exists, is a stable name of the
 * cause, such as `newer-layout`.
 *
 * @example
 * try {
 *   await log.execute(task.command.add("t1", { title: "Milk" }));
 * } catch (error) {
 *   if (error instanceof StorageLostError && error.details.reason === "newer-layout") location.reload();
 * }
 */
export class StorageLostError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("storage-lost", "later", facts);
  }
}

/**
 * Code `protocol`: the other side sent something that the protocol does not allow. `details.code` and `details.status`,
 * if they exist, are the server's own code and the HTTP status.
 *
 * @example
 * log.status.subscribe(({ error }) => {
 *   if (error?.code === "protocol") console.warn(error.fix, error.details.status);
 * });
 */
export class ProtocolError extends DacapoError {
  constructor(facts: ErrorFacts, retry: Retry = "never") {
    super("protocol", retry, facts);
  }
}

/**
 * Code `unknown-aggregate`: the worker's domain has no aggregate of the stream's name.
 *
 * @example
 * await log.execute(task.command.add("t1", { title: "Milk" })).catch((error) => {
 *   if (error instanceof UnknownAggregateError) console.warn("Page and worker were built from two versions");
 * });
 */
export class UnknownAggregateError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("unknown-aggregate", "after-fix", facts);
  }
}

/** Code `unknown-command`: the worker's domain has no command of this name or version. See `UnknownAggregateError`. */
export class UnknownCommandError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("unknown-command", "after-fix", facts);
  }
}

/**
 * Code `log-closed`: `close()` was called on the log.
 *
 * @example
 * await log.close();
 * await log.execute(task.command.add("t1", { title: "Milk" })).catch((error) => {
 *   if (!(error instanceof LogClosedError)) throw error;
 * });
 */
export class LogClosedError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("log-closed", "never", facts);
  }
}

/**
 * Code `pending-work`: the call would lose commits that no server is known to have. Nothing was changed.
 * `details.pending` and `details.rejections` count them.
 *
 * @example
 * await deleteLog("team-7", { user: "ada" }).catch((error) => {
 *   if (error instanceof PendingWorkError) console.warn(`${error.details.pending} changes are not sent yet`);
 * });
 */
export class PendingWorkError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("pending-work", "after-fix", facts);
  }
}

/**
 * Code `definition`: an aggregate, a projection, a domain or an option is wrong. It is a mistake in the program.
 *
 * @example
 * try {
 *   defineDomain({ version: 0, aggregates: [task] });
 * } catch (error) {
 *   if (error instanceof DefinitionError) console.warn(error.message, error.fix);
 * }
 */
export class DefinitionError extends DacapoError {
  constructor(facts: ErrorFacts) {
    super("definition", "never", facts);
  }
}

/** Code `bug`: an assertion inside Dacapo failed. */
export class BugError extends DacapoError {
  constructor(message: string, details: { readonly [key: string]: Json } = {}) {
    super("bug", "never", {
      message: `${message}. This is a bug in Dacapo.`,
      fix: "Please open an issue with this message and its details.",
      details,
    });
  }
}
