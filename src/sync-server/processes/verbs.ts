/**
 * The verbs of one call of a handler: they collect commands and timers, checked. Pure.
 *
 * Guarantees (verbs.test.ts):
 * - A command that no log could read throws in the handler, so that its event is parked.
 * - A verb that is called after its handler returned throws. Otherwise its command would be lost without a word.
 */
import { isRequest } from "../../core/decide/propose-commit.ts";
import type { CommandRequest } from "../../core/domain/definition.ts";
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { ValidationError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import { findUnstorable } from "../../core/values/find-unstorable.ts";
import { describePlace, describeProblem } from "../../core/values/parsed.ts";
import { parseCommit } from "../../core/wire/read-messages.ts";
import { listOf } from "../base/list-of.ts";
import { undecided } from "../base/undecided.ts";
import { ROW_BYTES_MAX } from "../stores/model-store.ts";
import { newItem, type Outbox, type OutboxItem, outboxText, withItem, withoutTimer, withoutTimers } from "./outbox.ts";
import type { ProcessVerbs } from "./process-manager.ts";

const TIMER_NAME_MAX = 128;
/** An id that is only checked for its form. */
const NO_ID = "00000000-0000-4000-8000-000000000000";

/** The last millisecond that a `Date` can show. */
const TIME_MAX = 8.64e15;

/** The place of the calls: the event or the rejected commit, its time, and the event that caused it. */
export type CallSource = Pick<OutboxItem, "causedBy"> & { readonly id: string; readonly at: number };

/** The outbox of a process while its handlers run. One number counts the calls of an event. */
export class CollectedOutbox {
  readonly #before: Outbox;
  #outbox: Outbox;
  #calls = 0;
  /** The source whose handler runs. */
  #source: CallSource | null = null;

  constructor(outbox: Outbox) {
    this.#before = outbox;
    this.#outbox = outbox;
  }

  /** The outbox, or the given one if nothing changed. It throws if the store cannot keep its text. */
  checked(key: string): Outbox {
    this.#source = null;
    if (this.#outbox !== this.#before) requireSmallText(key, outboxText(this.#outbox));
    return this.#outbox;
  }

  /** The verbs of a handler for this source. */
  verbs(source: CallSource): ProcessVerbs {
    this.#calls = 0;
    this.#source = source;
    return {
      run: (commands) => this.#add(source, null, source.at, commands),
      later: (name, after, commands) => {
        if (typeof name !== "string" || name.length === 0 || name.length > TIMER_NAME_MAX || !name.isWellFormed())
          throw invalidCommand(`its name is not a text of 1 to ${TIMER_NAME_MAX} characters`);
        const due = after instanceof Date ? after.getTime() : source.at + after;
        // Null would count as 0, and a text would be joined.
        if ((typeof after !== "number" && !(after instanceof Date)) || !Number.isFinite(due))
          throw invalidCommand(`its time is ${String(after)}, which is neither milliseconds nor a date`);
        if (Math.abs(due) > TIME_MAX)
          throw invalidCommand(`its time is ${String(after)}, which is after the year 275760`);
        this.#add(source, name, due, commands);
      },
      drop: (name) => {
        this.#requireRunning(source);
        this.#outbox = withoutTimer(this.#outbox, name);
      },
    };
  }

  /** The handler ended the process, so that it has no timers. */
  end(source: string, reacts: boolean): void {
    if (reacts && this.#outbox.some((item) => item.timer !== null && item.source === source))
      throw invalidCommand("its process has ended, because the handler returned null, so that it can have no timer");
    this.#outbox = withoutTimers(this.#outbox);
  }

  #requireRunning(source: CallSource): void {
    if (this.#source !== source)
      throw invalidCommand(
        "its handler has returned already. Call run, later and drop before it returns, without await",
      );
  }

  #add(
    source: CallSource,
    timer: string | null,
    due: number,
    commands: CommandRequest | readonly CommandRequest[],
  ): void {
    this.#requireRunning(source);
    const { id, causedBy } = source;
    this.#calls++;
    const item = { source: id, causedBy, n: this.#calls, timer, due, commands: requireCommands(commands) };
    this.#outbox = withItem(this.#outbox, newItem(item));
  }
}

/** Throws, so that the event is parked, if the store cannot keep the row of a process. */
export function requireRow(key: string, row: Json): void {
  const problem = findUnstorable(row);
  if (problem)
    throw new Error(`The row of the process ${key} is not JSON${describePlace(problem.path)}: ${problem.reason}`);
  requireSmallText(key, JSON.stringify(row));
}

function requireSmallText(key: string, text: string): void {
  if (exceedsBytes(text, ROW_BYTES_MAX))
    throw new Error(`The row or the commands of the process ${key} have more than ${ROW_BYTES_MAX} bytes of JSON`);
}

function requireCommands(commands: CommandRequest | readonly CommandRequest[]): readonly CommandRequest[] {
  const list = listOf(commands);
  if (!list.every(isRequest)) throw invalidCommand("it is not a command");
  const parsed = parseCommit({
    id: NO_ID,
    client: NO_ID,
    actor: "~",
    time: 0,
    meta: null,
    commands: undecided(list),
  });
  if (!parsed.ok) throw invalidCommand(describeProblem(parsed.problem));
  return parsed.value.commands.map(({ stream, name, v, input }) => ({
    stream,
    name,
    v,
    ...(input !== undefined && { input }),
  }));
}

function invalidCommand(reason: string): ValidationError {
  return new ValidationError({
    message: `A command of a process is not valid: ${reason}`,
    fix: "Pass the result of a command of an aggregate, such as task.command.complete(id).",
    details: { reason },
  });
}
