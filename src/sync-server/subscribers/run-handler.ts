/**
 * Calls the handlers of one stored event, with a time limit.
 *
 * Guarantees (subscribers.test.ts):
 * - The effect id depends on the subscriber, the log and the event alone.
 * - A handler that hangs has failed when its time is over. The time begins with the handler (run-handler.test.ts).
 */
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { type CommitRecord, eventsOf } from "../../core/history/record.ts";
import type { LogName } from "../../core/values/ids.ts";
import { aggregateOf } from "../../core/values/names.ts";
import { shortText } from "../../core/values/reason.ts";
import type { Env } from "../base/env.ts";
import { reasonWithCauses } from "../base/reason-with-causes.ts";
import { derivedUuid } from "./derived-uuid.ts";
import { type ExecuteAs, HandlerCalls } from "./handler-execute.ts";
import type { UnknownEvent } from "./lanes.ts";
import type { SubscriberDefinition } from "./subscriber.ts";

export type HandlerRun = {
  readonly domain: DomainDefinition;
  readonly env: Env;
  readonly subscriber: SubscriberDefinition;
  readonly executeAs: ExecuteAs;
  readonly log: LogName;
  readonly record: CommitRecord;
  /** The place of the event in the record. */
  readonly n: number;
  readonly attempt: number;
  /** Aborts when the server stops, or when another node may handle the event. */
  readonly stop: AbortSignal;
  readonly report: (error: unknown) => void;
};

/** `cut-off`: the run was stopped, so it is no failure of the handler. `unknown`: a newer release wrote the event. */
export type HandlerResult =
  | { readonly kind: "done" }
  | { readonly kind: "failed"; readonly reason: string; readonly error: unknown }
  | { readonly kind: "unknown"; readonly v: number; readonly reason: string }
  | { readonly kind: "cut-off" };

/** True if the subscriber must handle the event, or if this code cannot read it. */
export function isFor(
  domain: DomainDefinition,
  { from, sinceMs, handlers }: SubscriberDefinition,
  record: CommitRecord,
  n: number,
): boolean {
  const stored = record.events[n];
  if (!stored || record.received < sinceMs || !from.has(aggregateOf(stored.stream))) return false;
  if (isUnknown(domain, stored)) return true;
  try {
    return eventsOf(domain, record, n).some(({ type }) => handlers.has(type));
  } catch {
    return true;
  }
}

export async function runHandler(run: HandlerRun): Promise<HandlerResult> {
  const { domain, env, subscriber, record, n, stop } = run;
  const stored = record.events[n];
  if (stored && isUnknown(domain, stored))
    return { kind: "unknown", v: stored.v, reason: `This release does not know the event ${stored.type}` };
  const found = await effectsOf(run).catch(failure);
  if (stop.aborted) return { kind: "cut-off" };
  if ("kind" in found) return found;
  const controller = new AbortController();
  const ends = new Promise<HandlerResult>((resolve) => {
    const cut = (): void => resolve({ kind: "cut-off" });
    stop.addEventListener("abort", cut, { once: true, signal: controller.signal });
  });
  let cancel: (() => void) | undefined;
  const timeOver = new Promise<HandlerResult>((resolve) => {
    cancel = env.setTimer(() => {
      const reason = `the handler did not end within ${subscriber.timeoutMs} ms`;
      resolve({ kind: "failed", reason, error: new Error(reason) });
    }, subscriber.timeoutMs);
  });
  const result = await Promise.race([ends, timeOver, callHandlers(run, found, controller.signal)]);
  cancel?.();
  controller.abort();
  return result;
}

type Effect = { readonly event: DomainEvent; readonly effectId: string };

/** The events of the stored one. A slow digest of their ids takes none of the time of the handlers. */
async function effectsOf({ domain, subscriber, log, record, n }: HandlerRun): Promise<readonly Effect[]> {
  return Promise.all(
    eventsOf(domain, record, n).map(async (event) => ({
      event,
      effectId: await derivedUuid(["effect", subscriber.name, log, event.id]),
    })),
  );
}

async function callHandlers(
  { env, subscriber, executeAs, log, attempt, report }: HandlerRun,
  effects: readonly Effect[],
  signal: AbortSignal,
): Promise<HandlerResult> {
  try {
    for (const { event, effectId } of effects) {
      // An attempt that is over begins no further handler, because the next attempt may run already.
      if (signal.aborted) return { kind: "cut-off" };
      const facts = { subscriber: subscriber.name, log, event };
      const calls = new HandlerCalls({ ...facts, executeAs, signal, nextTurn: env.nextTurn, report });
      await subscriber.handlers.get(event.type)?.(event, { log, execute: calls.execute, effectId, attempt, signal });
      await calls.end();
    }
    return { kind: "done" };
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): Extract<HandlerResult, { kind: "failed" }> {
  return { kind: "failed", reason: shortText(reasonWithCauses(error), 500), error };
}

/** A newer release wrote the event. */
export function isUnknown(domain: DomainDefinition, { stream, type, v }: UnknownEvent): boolean {
  const definition = domain.aggregates.get(aggregateOf(stream));
  if (!definition) return true;
  return v > Math.max(definition.events.get(type)?.version ?? 0, definition.former.get(type)?.version ?? 0);
}
