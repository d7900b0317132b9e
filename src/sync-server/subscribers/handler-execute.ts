/**
 * The function `execute` of a handler: commands that a log records once, however often the event is handled.
 *
 * Guarantees (subscribers.execute.test.ts, subscribers.kill.test.ts):
 * - The commit id depends on the subscriber, the log, the event and the call alone. So a repeated attempt finds the
 *   record or the outcome of the first one (P4, S8).
 * - The author is the subscriber, and its name begins with `~`. No device can have such a name.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { ValidationError } from "../../core/values/errors.ts";
import type { JsonInput } from "../../core/values/json.ts";
import type { LogName } from "../../core/values/ids.ts";
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

/**
 * Executes a command, or several that succeed or fail together. If an earlier attempt executed them already, it returns
 * their outcome and records nothing.
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

/** Returns the `execute` of one attempt. */
export function handlerExecute(
  executeAs: ExecuteAs,
  place: { readonly subscriber: string; readonly log: LogName; readonly event: DomainEvent },
): HandlerExecute {
  const { subscriber, log, event } = place;
  let calls = 0;
  return async (commands, options = {}) => {
    calls++;
    requireOptions(subscriber, options);
    const { log: target = log, key, meta = null } = options;
    const call = key === undefined ? `${calls}` : `key ${key}`;
    const id = await derivedUuid(["commit", subscriber, log, event.id, call]);
    return executeAs(target, commands, { id, actor: `${SERVER_ACTOR_PREFIX}${subscriber}`, meta, causedBy: event });
  };
}

/** Programs without types may pass anything. Two keys that are objects would have one text, and so one commit id. */
function requireOptions(subscriber: string, options: HandlerExecuteOptions | null): void {
  const reason =
    typeof options !== "object" || options === null
      ? "the options are not an object"
      : options.key !== undefined && typeof options.key !== "string"
        ? "the option `key` is not a text"
        : null;
  if (reason === null) return;
  throw new ValidationError({
    message: `The subscriber ${subscriber} cannot execute the commands: ${reason}`,
    fix: 'Write execute(command, { key: "refund" }), or leave out the options.',
    details: { reason },
  });
}
