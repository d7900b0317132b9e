/**
 * Checks the timers of one job by the records of its log, and by the clocks of the nodes that appended them.
 *
 * Guarantees:
 * - Each timer is executed once, in the order of the due times, and not before its time by the clock of its node.
 * - Before its job expires, each timer that was due earlier is executed. So none is lost.
 * - The end of a job drops the timers that are due later.
 */
import type { JobEvent } from "./ledger.ts";

/** An append takes less time than this, unless its node pauses. */
const APPEND_MS = 1_000;

export type ReminderFacts = {
  /** A node may pause between a read of the store and a command. */
  readonly hasPauses: boolean;
  /** Reminders of the job may be lost with a history, because an operator continued behind it. */
  readonly isContinued?: boolean;
  /** The latest time that the clock of the node had shown which appended the event. */
  readonly clockOf: (event: JobEvent) => number;
};

/** `started`: the first of the events. */
export function checkReminders(
  started: JobEvent,
  events: readonly JobEvent[],
  { hasPauses, isContinued = false, clockOf }: ReminderFacts,
): readonly string[] {
  const { reminders = [], ms: deadline = 0, isPoison = false } = started.data;
  const due = (n: number): number => started.received + (reminders[n] ?? Infinity);
  const reminded = events.filter(({ type }) => type === "Reminded");
  const over = events.find(({ type }) => type === "Finished" || type === "Expired");
  const problems: string[] = [];
  const seen = new Set<number>();
  let before = -Infinity;
  for (const event of reminded) {
    const { n = -1 } = event.data;
    const clock = clockOf(event);
    if (seen.has(n)) problems.push(`has the reminder ${n} twice`);
    seen.add(n);
    if (clock < due(n)) problems.push(`has the reminder ${n} at ${clock}, before ${due(n)}`);
    if (due(n) < before) problems.push(`has the reminder ${n} of ${due(n)} behind one of ${before}`);
    before = Math.max(before, due(n));
    const isDropped = over && over.position < event.position && over.received + APPEND_MS < due(n);
    // An end that an operator continued behind drops no timer.
    // A start that an operator retries begins its timers behind the events that were to drop them.
    if (isDropped && !hasPauses && !isPoison && !isContinued)
      problems.push(`has the reminder ${n} after its end at ${over.received}`);
  }
  if (over?.type !== "Expired" || isContinued) return problems;
  const inTime = new Set(reminded.flatMap(({ data, position }) => (position < over.position ? (data.n ?? -1) : [])));
  for (const [n, ms] of reminders.entries())
    if (ms < deadline && !inTime.has(n)) problems.push(`expired without the reminder ${n} of ${due(n)}`);
  return problems;
}
