/**
 * Checks the jobs of the simulated servers by the records of their log alone.
 *
 * Guarantees:
 * - A process's command is recorded once, and in order.
 * - A timer is executed once, not before its time, and not after its job is over.
 * - Two processes that feed each other answer in turn.
 * - The second release answers the jobs that began behind its swap, and no others.
 */
import { checkReminders, type ReminderFacts } from "./check-reminders.ts";
import type { JobEvent } from "./ledger.ts";
import { REJECTED, SECOND, TURNS } from "./reactions.ts";

export type JobFacts = ReminderFacts & {
  /** The position behind which the second release reacts. Null: no release took over. */
  readonly swappedAt: number | null;
  /** The process manager began with the second release. */
  readonly isSecond: boolean;
  /** All work is done. */
  readonly isOver: boolean;
};

export function checkJobs(jobs: ReadonlyMap<string, readonly JobEvent[]>, facts: JobFacts): readonly string[] {
  return [...jobs].flatMap(([stream, events]) => checkJob(events, facts).map((problem) => `${stream} ${problem}`));
}

function checkJob(events: readonly JobEvent[], facts: JobFacts): readonly string[] {
  const [started] = events;
  if (started?.type !== "Started") return ["does not begin with its start"];
  const { ms = 0, refuses = false, isPoison = false } = started.data;
  const of = (type: string): readonly JobEvent[] => events.filter((event) => event.type === type);
  const answers = (to: string): readonly JobEvent[] => of("Answered").filter(({ data }) => data.to === to);
  const problems: string[] = [];
  const expectCount = (what: string, found: readonly JobEvent[], count: number): void => {
    const isWrong = facts.isOver ? found.length !== count : found.length > count;
    if (isWrong) problems.push(`${what} ${found.length} times, not ${count} times`);
  };
  const isSecond = facts.swappedAt === null ? facts.isSecond : started.position > facts.swappedAt;
  expectCount("is acknowledged", of("Acknowledged"), refuses ? 0 : 1);
  expectCount("has the answer to its rejection", answers(REJECTED), refuses ? 1 : 0);
  // A poisoned start that waits at the swap is folded by the code that the operator retries it on.
  if (!isPoison) expectCount("has the answer of the second release", answers(SECOND), isSecond ? 1 : 0);
  for (const turn of TURNS) expectCount(`has the answer ${turn}`, answers(turn), refuses ? 0 : 1);
  expectCount("is over", [...of("Finished"), ...of("Expired")], 1);
  const [expired] = of("Expired");
  if (expired && facts.clockOf(expired) < started.received + ms)
    problems.push(`expired at ${facts.clockOf(expired)}, before ${started.received + ms}`);
  problems.push(...checkReminders(started, events, facts));
  const [acknowledged, answer] = [of("Acknowledged")[0], answers(SECOND)[0]];
  if (acknowledged && answer && answer.position < acknowledged.position)
    problems.push("has its answer before it is acknowledged");
  return problems;
}
