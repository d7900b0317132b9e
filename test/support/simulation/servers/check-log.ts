/**
 * Checks the jobs of the simulated servers by the records of their log alone.
 *
 * Guarantees:
 * - A process's command is recorded once, and in order.
 * - A timer is executed once, not before its time, and not after its job is over.
 * - Two processes that feed each other answer in turn.
 * - The second release answers the jobs that began behind its swap, and no others.
 * - For a job that an operator continued behind, or that lost commands with a history, each is done at most once.
 */
import { checkReminders, type ReminderFacts } from "./check-reminders.ts";
import type { JobEvent } from "./ledger.ts";
import { REJECTED, SECOND, TURNS } from "./reactions.ts";

export type JobFacts = ReminderFacts & {
  /** The position behind which the second release reacts. Null: no release took over. */
  readonly swappedAt: number | null;
  /** The process manager began with the second release. */
  readonly isSecond: boolean;
  /** An operator decided that the processes react to no event up to this position again. 0: none did. */
  readonly continuedAt: number;
  /** True: a restore removed commands of this job, and no process manager can notice that. */
  readonly hasLostCommand: (stream: string) => boolean;
  /** Commands for jobs that the log has lost may be executed. */
  readonly hasContinued: boolean;
  /** All work is done. */
  readonly isOver: boolean;
};

export function checkJobs(jobs: ReadonlyMap<string, readonly JobEvent[]>, facts: JobFacts): readonly string[] {
  return [...jobs].flatMap(([stream, events]) =>
    checkJob(stream, events, facts).map((problem) => `${stream} ${problem}`),
  );
}

function checkJob(stream: string, events: readonly JobEvent[], facts: JobFacts): readonly string[] {
  const [started] = events;
  if (started?.type !== "Started") return facts.hasContinued ? checkOrphan(events) : ["does not begin with its start"];
  const isContinued = started.position <= facts.continuedAt || facts.hasLostCommand(stream);
  const { ms = 0, refuses = false, isPoison = false } = started.data;
  const of = (type: string): readonly JobEvent[] => events.filter((event) => event.type === type);
  const answers = (to: string): readonly JobEvent[] => of("Answered").filter(({ data }) => data.to === to);
  const problems: string[] = [];
  const expectCount = (what: string, found: readonly JobEvent[], count: number): void => {
    const isWrong = facts.isOver && !isContinued ? found.length !== count : found.length > count;
    if (isWrong) problems.push(`${what} ${found.length} times, not ${count} times`);
  };
  const isSecond = facts.swappedAt === null ? facts.isSecond : started.position > facts.swappedAt;
  expectCount("is acknowledged", of("Acknowledged"), refuses ? 0 : 1);
  expectCount("has the answer to its rejection", answers(REJECTED), refuses ? 1 : 0);
  // A poisoned start that waits at the swap is folded by the code that the operator retries it on.
  if (!isPoison) expectCount("has the answer of the second release", answers(SECOND), isSecond || isContinued ? 1 : 0);
  for (const turn of TURNS) expectCount(`has the answer ${turn}`, answers(turn), refuses ? 0 : 1);
  expectCount("is over", [...of("Finished"), ...of("Expired")], 1);
  const [expired] = of("Expired");
  if (expired && facts.clockOf(expired) < started.received + ms)
    problems.push(`expired at ${facts.clockOf(expired)}, before ${started.received + ms}`);
  problems.push(...checkReminders(started, events, { ...facts, isContinued }));
  const [acknowledged, answer] = [of("Acknowledged")[0], answers(SECOND)[0]];
  if (acknowledged && answer && answer.position < acknowledged.position)
    problems.push("has its answer before it is acknowledged");
  return problems;
}

/** A job whose start the log has lost. Its commands were in an outbox, and each of them is executed once. */
function checkOrphan(events: readonly JobEvent[]): readonly string[] {
  const texts = events.map(({ type, data }) => `${type} ${JSON.stringify(data)}`);
  return texts.flatMap((text, n) => (texts.indexOf(text) < n ? [`without a start has ${text} twice`] : []));
}
