/**
 * The calls of a handle to its log in the worker.
 *
 * Guarantees:
 * - No call waits for ever: closing the log fails each call that has no answer yet (`pending-calls.test.ts`,
 *   `open-log.test.ts`).
 * - A call on a closed log fails with `log-closed`.
 */
import type * as Comlink from "comlink";
import type { CommandRequest } from "../../core/domain/definition.ts";
import { LogClosedError, ValidationError } from "../../core/values/errors.ts";
import { findJsonProblem, type JsonInput, omitUndefined } from "../../core/values/json.ts";
import type { Receipt } from "../messages/log-types.ts";
import {
  type CallAnswer,
  type CallResult,
  requireJsonMeta,
  unwrap,
  type WorkerLog,
} from "../messages/worker-messages.ts";
import type { WorkerConnection } from "./connect-worker.ts";
import { type ExecuteCalls, executeCalls } from "./execute-calls.ts";
import { pendingCalls } from "./pending-calls.ts";

export class WorkerCaller {
  readonly #log: string;
  readonly #connection: WorkerConnection;
  readonly #executing: ExecuteCalls;
  readonly #pending = pendingCalls();
  #closing: Promise<void> | null = null;
  #isClosed = false;

  constructor(log: string, connection: WorkerConnection) {
    this.#log = log;
    this.#connection = connection;
    this.#executing = executeCalls(connection.postCalls);
  }

  async call<T>(run: (remote: Comlink.Remote<WorkerLog>) => Promise<CallResult<T>>): Promise<T> {
    this.#requireOpen();
    const result = await this.wait(run(this.#connection.remote));
    // The storage was closed because the log was.
    if (this.#closing && !result.ok && result.error.code === "storage-lost") throw this.#closedError();
    return unwrap(result);
  }

  async execute(requests: readonly CommandRequest[], meta: JsonInput, endRejection: string | null): Promise<Receipt> {
    const problem = findJsonProblem(requests);
    if (problem)
      throw new ValidationError({
        message: `A command is not plain JSON at ${problem.path.join(".")}: ${problem.reason}`,
        fix: "Pass plain JSON as input.",
        details: { path: problem.path, reason: problem.reason },
      });
    requireJsonMeta(meta);
    this.#requireOpen();
    return { commit: await this.#executing.execute(requests, omitUndefined(meta), endRejection) };
  }

  /** Settles the calls of `execute` that an update answers. */
  settle(answers: readonly CallAnswer[]): void {
    this.#executing.settle(answers);
  }

  /** Waits for a promise, and fails where the log is closed first. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return this.#pending.track(promise);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    await this.#connection.remote.close();
    this.#isClosed = true;
    this.#executing.close(this.#closedError());
    this.#pending.close(this.#closedError());
    this.#connection.release();
  }

  #requireOpen(): void {
    if (this.#isClosed) throw this.#closedError();
  }

  #closedError(): LogClosedError {
    return new LogClosedError({ message: `The log ${this.#log} is closed`, fix: "Open it again with openLog." });
  }
}
