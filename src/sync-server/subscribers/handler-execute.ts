/**
 * The function `execute` of a handler: commands that a log records once, however often the event is handled.
 *
 * Guarantees (subscribers.execute.test.ts, subscribers.kill.test.ts):
 * - The commit id depends on the subscriber, the log, the event and the call alone. So a repeated attempt finds the
 *   record or the outcome of the first one (P4, S8).
 * - The author is the subscriber, and its name begins with `~`. No device can have such a name.
 * - A call without `await` is part of its attempt: the attempt waits for it, and fails if it fails.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { ValidationError } from "../../core/values/errors.ts";
import type { JsonInput } from "../../core/values/json.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { Env } from "../base/env.ts";
import type { Executed } from "../base/executed.ts";
import { SERVER_ACTOR_PREFIX } from "../base/reserved-names.ts";
import { derivedUuid } from "./derived-uuid.ts";

/** Options of `execute` of a handler. */
export type HandlerExecuteOptions = {
  /** The log that records the commands. @default the log of the event */
  readonly log?: string;
  /**
   * A name of this call in its handler, for a handler whose calls may come in another order at the next attempt. Two
   * calls with one key have one commit id.
   *
   * @default the number of the call: 1, 2, 3 …
   */
  readonly key?: string;
  /** The app's own notes. Each event has them. @default null */
  readonly meta?: JsonInput;
};

const OPTIONS: OptionNames<HandlerExecuteOptions> = { log: true, key: true, meta: true };

/**
 * Executes a command, or several that succeed or fail together. If an earlier attempt executed them already, it returns
 * their outcome and records nothing. After the end of the attempt it is refused.
 *
 * @throws ValidationError (`invalid`) if the commands or the options have a wrong form. Nothing is recorded.
 */
export type HandlerExecute = (
  commands: CommandRequest | readonly CommandRequest[],
  options?: HandlerExecuteOptions,
) => Promise<Executed>;

/** Executes commands with a given commit id and author. The entry of the server passes it in. */
export type ExecuteAs = (
  log: LogName,
  commands: CommandRequest | readonly CommandRequest[],
  options: {
    readonly id: string;
    readonly actor: string;
    readonly meta: JsonInput;
    readonly causedBy: Pick<DomainEvent, "id" | "correlation">;
  },
) => Promise<Executed>;

export type HandlerCallsContext = {
  readonly executeAs: ExecuteAs;
  readonly subscriber: string;
  readonly log: LogName;
  readonly event: DomainEvent;
  /** Aborts at the end of the attempt. */
  readonly signal: AbortSignal;
  readonly nextTurn: Env["nextTurn"];
  /** Receives the error of a call that comes after the end, because nobody may await it. */
  readonly report: (error: unknown) => void;
};

/** The calls of `execute` for one event in one attempt. */
export class HandlerCalls {
  readonly #context: HandlerCallsContext;
  /** The calls that have no outcome yet, and those that failed. */
  readonly #calls = new Set<ObservedCall<Executed>>();
  #count = 0;
  #hasEnded = false;

  constructor(context: HandlerCallsContext) {
    this.#context = context;
  }

  readonly execute: HandlerExecute = (commands, options = {}) => {
    const call = new ObservedCall<Executed>((resolve, reject) => {
      this.#run(commands, options).then(resolve, reject);
    });
    this.#calls.add(call);
    void call.settled().then(({ isOk }) => isOk && this.#calls.delete(call));
    return call;
  };

  /** Waits for the calls that the handler did not await. Throws the error of one that nobody observed. */
  async end(): Promise<void> {
    for (const call of this.#calls) {
      const settled = await call.settled();
      // Code of the handler that waits for this call may make the next one, however many functions are in between.
      await this.#context.nextTurn();
      if (!settled.isOk && !call.isObserved) throw settled.error;
    }
    this.#hasEnded = true;
  }

  async #run(...[commands, options = {}]: Parameters<HandlerExecute>): Promise<Executed> {
    const { executeAs, subscriber, log, event, signal, report } = this.#context;
    if (this.#hasEnded || signal.aborted) {
      const error = tooLate(subscriber, event);
      report(error);
      throw error;
    }
    this.#count++;
    requireOptions(subscriber, options);
    const { log: target = log, key, meta = null } = options;
    const call = key === undefined ? `${this.#count}` : `key ${key}`;
    const id = await derivedUuid(["commit", subscriber, log, event.id, call]);
    return executeAs(target, commands, { id, actor: `${SERVER_ACTOR_PREFIX}${subscriber}`, meta, causedBy: event });
  }
}

type SettledCall = { readonly isOk: true } | { readonly isOk: false; readonly error: unknown };

/** A promise that knows if anybody observes it. Without an observer, its rejection would end the process. */
class ObservedCall<Value> extends Promise<Value> {
  isObserved = false;

  /** The promises of `then` are plain ones. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- because a promise has `then`, and it alone shows an observer
  override then<Done = Value, Failed = never>(
    onDone?: ((value: Value) => Done | PromiseLike<Done>) | null,
    onFailed?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): Promise<Done | Failed> {
    this.isObserved = true;
    return super.then(onDone, onFailed);
  }

  settled(): Promise<SettledCall> {
    return super.then<SettledCall, SettledCall>(
      () => ({ isOk: true }),
      (error: unknown) => ({ isOk: false, error }),
    );
  }
}

function tooLate(subscriber: string, { id }: DomainEvent): ValidationError {
  return new ValidationError({
    message: `The subscriber ${subscriber} cannot execute the commands: its attempt for the event ${id} has ended`,
    fix: "Await each call of execute in the handler, and end when `signal` aborts.",
    details: { event: id },
  });
}

/** Programs without types may pass anything. Two keys that are objects would have one text, and so one commit id. */
function requireOptions(subscriber: string, options: HandlerExecuteOptions | null): void {
  const reason =
    typeof options !== "object" || options === null
      ? "the options are not an object"
      : options.key !== undefined && typeof options.key !== "string"
        ? "the option `key` is not a text"
        : null;
  if (reason === null) return requireKnownOptions("`execute` of a handler", options ?? {}, OPTIONS);
  throw new ValidationError({
    message: `The subscriber ${subscriber} cannot execute the commands: ${reason}`,
    fix: 'Write execute(command, { key: "refund" }), or leave out the options.',
    details: { reason },
  });
}
