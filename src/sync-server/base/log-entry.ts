/** The entries that a server passes to `onLog`: plain objects of ids, sizes and codes. */

/** The ids and the sizes of one step of the server. */
export type StepFacts = {
  /** The log's name. */
  readonly log?: string;
  /** The verified name of the sender. */
  readonly actor?: string;
  /** The id of the first commit of the chain of causes that a commit of the server's own code belongs to. */
  readonly correlation?: string;
  /** Number of pushes that the server decided together. */
  readonly pushes?: number;
  /** Number of commits. */
  readonly commits?: number;
  /** Number of commits with the outcome `recorded`. */
  readonly recorded?: number;
  /** Number of commits with the outcome `rejected`. */
  readonly rejected?: number;
  /** Number of commits with the outcome `empty`: accepted without events. */
  readonly empty?: number;
  /** Number of records. */
  readonly records?: number;
  /** Number of events. */
  readonly events?: number;
  /** Bytes of the body of a push, of the answer to a pull, or of an archive. */
  readonly bytes?: number;
};

/** The events of which a server reports entries. */
export type LogEvent =
  | "started"
  | "stopped"
  | "push"
  | "refused"
  | "failed"
  | "store-failed"
  | "socket-opened"
  | "socket-closed"
  | "export"
  | "import"
  | "drop";

/**
 * An entry for a structured log. It contains ids, sizes and codes, and never contents, tokens or texts of errors.
 *
 * @example
 * const entry: LogEntry = { level: "info", event: "push", log: "team-7", actor: "ada", commits: 2, bytes: 812, ms: 4 };
 */
export type LogEntry = StepFacts & {
  /** The severity. `console` and most loggers have a method of this name. */
  readonly level: "info" | "warn" | "error";
  /** The kind of the event. */
  readonly event: LogEvent;
  /** The code of a refusal or a failure, or the reason why a socket closed. */
  readonly code?: string;
  /** The address of a started server. */
  readonly url?: string;
  /** Milliseconds that the step took, or that the socket was open. */
  readonly ms?: number;
};
