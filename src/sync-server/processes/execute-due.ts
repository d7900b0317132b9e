/**
 * Executes one command of a process, and computes the outbox that follows.
 *
 * Guarantees (processes.model.test.ts, processes.kill.test.ts): the commit id depends on the process manager, the log,
 * the process and the call alone. So a repeated execution finds the record or the rejection of the first one (P4, S8).
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import { RejectedError, ValidationError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { deepFreeze, type Json, parseOwnJson } from "../../core/values/json.ts";
import { reasonOf, shortText } from "../../core/values/reason.ts";
import { SERVER_ACTOR_PREFIX } from "../base/reserved-names.ts";
import { derivedUuid } from "../subscribers/derived-uuid.ts";
import type { ExecuteAs } from "../subscribers/handler-execute.ts";
import { type Outbox, type OutboxItem, withChange, withoutItem } from "./outbox.ts";
import type { ProcessDefinition } from "./process-manager.ts";
import { CollectedOutbox } from "./verbs.ts";

/**
 * The result of one execution. `isHandled`: the process manager may have a handler for a recorded event. `failed`: the
 * log could not record, so that the command is executed again.
 */
export type CommandResult =
  | { readonly kind: "settled"; readonly isHandled: boolean }
  | { readonly kind: "rejected"; readonly commit: string; readonly code: string; readonly message: string }
  | { readonly kind: "failed"; readonly error: unknown };

/** A command that was executed, with the stored texts of its process. */
export type ExecutedItem = {
  readonly key: string;
  readonly outbox: Outbox;
  readonly item: OutboxItem;
  readonly row: string | null;
  readonly result: CommandResult;
};

/** Failures after which the error is reported, and again after each further such number of them. */
const REPORTED_FAILURES = 8;
const RETRY_MS = { first: 200, max: 60_000 };

/** The id of the commit of a command. */
export function commitIdOf(manager: string, log: LogName, key: string, { source, n }: OutboxItem): Promise<string> {
  return derivedUuid(["process", manager, log, key, source, `${n}`]);
}

export async function executeItem(
  executeAs: ExecuteAs,
  log: LogName,
  { name, projection }: ProcessDefinition,
  key: string,
  item: OutboxItem,
): Promise<CommandResult> {
  const commit = await commitIdOf(name, log, key, item);
  try {
    const by = { id: commit, actor: `${SERVER_ACTOR_PREFIX}${name}`, meta: null, causedBy: item.causedBy };
    const { outcome, events } = await executeAs(log, item.commands, by);
    const isHandled = events.some(({ aggregate, type }) => projection.handles(aggregate, type));
    // The events of an earlier attempt may not be found.
    return { kind: "settled", isHandled: isHandled || (outcome === "recorded" && events.length === 0) };
  } catch (error) {
    if (!(error instanceof RejectedError)) return { kind: "failed", error };
    const { code, reason } = error.details;
    const message = typeof reason === "string" ? reason : error.message;
    return { kind: "rejected", commit, code: typeof code === "string" ? code : "rejected", message };
  }
}

/** The outbox after an execution, and the error to report. Pure. */
export function settle(
  manager: ProcessDefinition,
  { key, outbox, item, row, result }: ExecutedItem,
  now: number,
  retryMs: (middleMs: number) => number,
): { readonly outbox: Outbox; readonly error: unknown } {
  switch (result.kind) {
    case "settled":
      return { outbox: withoutItem(outbox, item), error: null };
    case "rejected":
      return reject(manager, { key, outbox, item, row }, result, now);
    case "failed": {
      const failures = item.failures + 1;
      const error = shortText(reasonOf(result.error), 500);
      // The same commands are invalid again, so that only an operator can help.
      const isParked = result.error instanceof ValidationError;
      const delayMs = Math.min(RETRY_MS.first * 2 ** Math.min(failures - 1, 16), RETRY_MS.max);
      const next = { ...item, failures, error, isParked, notBefore: now + retryMs(delayMs) };
      const isReported = isParked || failures % REPORTED_FAILURES === 0;
      return { outbox: withChange(outbox, next), error: isReported ? result.error : null };
    }
  }
}

function reject(
  manager: ProcessDefinition,
  { key, outbox, item, row }: Omit<ExecutedItem, "result">,
  { commit, code, message }: Extract<CommandResult, { kind: "rejected" }>,
  now: number,
): { readonly outbox: Outbox; readonly error: unknown } {
  const collected = new CollectedOutbox(withoutItem(outbox, item));
  try {
    const commands: readonly CommandRequest[] = item.commands;
    const state = row === null ? manager.projection.initial : parseOwnJson<Json>(row);
    const rejection = { key, row: deepFreeze(state), code, message, commands, timer: item.timer };
    manager.onRejected(rejection, collected.verbs({ id: commit, at: now, causedBy: item.causedBy }));
    return { outbox: collected.checked(key), error: null };
  } catch (error) {
    const parked = { ...item, isParked: true, error: shortText(`onRejected failed: ${reasonOf(error)}`, 500) };
    return { outbox: withChange(outbox, parked), error };
  }
}
