/** The codes of errors, as a union type, so that an app can switch over all of them. */

/**
 * Each code of an error that Dacapo creates. A `switch` over all of them is complete.
 *
 * A worker of a newer release may send a code that this release does not list. Keep a `default` branch for it.
 *
 * @example
 * function adviceFor(code: DacapoErrorCode): string {
 *   switch (code) {
 *     case "storage-full":
 *       return "Free disk space, then try again.";
 *     case "unauthorized":
 *       return "Sign in again.";
 *     default:
 *       return "Read error.fix.";
 *   }
 * }
 */
export type DacapoErrorCode =
  // A value, a name or an archive is not valid: ValidationError.
  | "invalid"
  // The domain refused a command, or the device does not know the commit: RejectedError.
  | "rejected"
  // A log is not in the expected state: ConcurrencyError.
  | "concurrency"
  // The server needs a valid token: UnauthorizedError.
  | "unauthorized"
  // The server refuses this person: ForbiddenError.
  | "forbidden"
  // A disk is full: StorageFullError.
  | "storage-full"
  // A storage cannot be read or written: StorageLostError.
  | "storage-lost"
  // The event store was written by a newer release of Dacapo.
  | "storage-newer"
  // The other side broke the protocol: ProtocolError.
  | "protocol"
  // A network or a server does not answer. Syncing tries again by itself.
  | "unreachable"
  // The log was deleted on the server.
  | "gone"
  // The log does not contain a cursor.
  | "diverged"
  // The rows of a read model have not reached a cursor yet.
  | "rows-behind"
  // The rows of a read model are being built.
  | "rows-building"
  // A row of a read model may belong to several streams, so one of them cannot be folded alone.
  | "not-by-stream"
  // An operator purged the rows of a read model.
  | "rows-not-populated"
  // A read model, a subscriber or a process manager set an event or a command aside.
  | "parked"
  // A job that builds the rows of a read model stopped before an event that it cannot fold.
  | "job-stopped"
  // The store of the server has no SQL, so it cannot keep SQL models.
  | "sql-models-unsupported"
  // Too many calls wait.
  | "overloaded"
  // The worker's domain has no such aggregate: UnknownAggregateError.
  | "unknown-aggregate"
  // The worker's domain has no such command: UnknownCommandError.
  | "unknown-command"
  // The log was closed: LogClosedError.
  | "log-closed"
  // The call would lose commits that no server has: PendingWorkError.
  | "pending-work"
  // The address leads to another sync server than before. The app must decide whether this device joins it.
  | "other-server"
  // A definition or an option is wrong: DefinitionError.
  | "definition"
  // The server's port is in use.
  | "port-taken"
  // The server cannot listen on this host and port.
  | "cannot-listen"
  // An assertion inside Dacapo failed.
  | "bug"
  // Something other than a DacapoError was thrown, such as an error of the app's own function.
  | "unexpected";

/** Whether the same call may succeed: `never`, `later` without a change, or only `after-fix`. */
export type Retry = "never" | "later" | "after-fix";
