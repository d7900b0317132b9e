/**
 * Decides the next step of a subscriber in one log, after it started the handlers that it may start. Pure.
 *
 *     lanes, place, clock ── nextStep ──> read | store | again | wait | end
 *
 * Guarantees (next-step.test.ts):
 * - While handlers run, the place is stored each second. It is stored before the end.
 * - No wait outlasts the renewal of the lease. So a node that waits keeps its lease.
 * - A signal that came before the wait is not lost.
 */
import { RENEW_MS } from "./lease.ts";

export type RunnerStep =
  /** Reads a page of the log. */
  | { readonly kind: "read" }
  /** Stores the checkpoint and the changed rows. */
  | { readonly kind: "store" }
  /** Decides again on the state of now. */
  | { readonly kind: "again" }
  /** Waits for a signal, at most these milliseconds. */
  | { readonly kind: "wait"; readonly ms: number }
  /** Nothing is left to do soon. */
  | { readonly kind: "end" };

export type RunnerFacts = {
  readonly now: number;
  /** False: no handler starts, because the server stops, an operator paused it, or other logs have their turn. */
  readonly isRunning: boolean;
  /** The log has records that the lanes have room for. */
  readonly wantsPage: boolean;
  /** No handler of this log runs. */
  readonly isIdle: boolean;
  /** An event can start now. */
  readonly canStart: boolean;
  /** All handlers of the subscriber run, over all logs. */
  readonly isFull: boolean;
  /** The time at which an event can start. Infinity: there is none. */
  readonly nextAt: number;
  /** The store lacks something. */
  readonly hasChanges: boolean;
  readonly storedAt: number;
  /** A signal came, or the stored place may have changed. */
  readonly isSignalled: boolean;
};

/** The place is stored after this time, though handlers run. */
const STORE_MS = 1_000;
/** A later attempt within this time keeps the runner. A further one is left to the wake time. */
const LINGER_MS = 1_000;

export function nextStep(facts: RunnerFacts): RunnerStep {
  const { now, isRunning, isIdle, hasChanges } = facts;
  if (isRunning && facts.wantsPage) return { kind: "read" };
  const isAtRest = isIdle && !(isRunning && facts.canStart);
  if (hasChanges && (isAtRest || now - facts.storedAt >= STORE_MS)) return { kind: "store" };
  if (facts.isSignalled) return { kind: "again" };
  // A runner that starts nothing waits for its handlers. Otherwise it would spin on an event that it may not start.
  const msLeft = isRunning ? Math.max(facts.nextAt - now, 0) : Infinity;
  if (isAtRest && msLeft > LINGER_MS) return { kind: "end" };
  const storesSoon = !isAtRest && (hasChanges || facts.isFull);
  return { kind: "wait", ms: storesSoon ? STORE_MS : Math.min(msLeft, RENEW_MS) };
}
