/** The exit codes of `dacapo`, and the code and the text of each error. */
import { DacapoError } from "../../core/values/errors.ts";
import { toPlainError } from "../../core/values/plain-error.ts";

/** docs/command-line.md lists them for users. */
export const EXIT = {
  /** The command did what it should. */
  done: 0,
  /** A check failed, or the command was refused because of the state of a log, a file or a port. */
  refused: 1,
  /** The command line, the domain or the config is wrong. */
  usage: 2,
  /** The store cannot be reached, is full, or was written by a newer Dacapo. */
  store: 3,
  /** An error that Dacapo does not know. Only this one has a stack trace. */
  unexpected: 4,
  /** A signal ended the command. */
  interrupted: 130,
} as const;

/** Ends a command with an exit code, after the command wrote the reason itself. */
export class Exit extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof DacapoError)) return EXIT.unexpected;
  switch (error.code) {
    case "definition":
      return EXIT.usage;
    case "storage-lost":
    case "storage-full":
    case "storage-newer":
      return EXIT.store;
    case "bug":
    case "unexpected":
      return EXIT.unexpected;
    default:
      return EXIT.refused;
  }
}

/** A known error as two sentences, and any other error with its stack. */
export function errorText(error: unknown): string {
  if (error instanceof DacapoError && exitCodeOf(error) !== EXIT.unexpected) return `${error.message}. ${error.fix}`;
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `This error is unexpected. Please open an issue with it.\n${stack}`;
}

export function errorJson(error: unknown): string {
  return JSON.stringify({ error: { ...toPlainError(error), exitCode: exitCodeOf(error) } });
}
