/**
 * Checks a log of the simulated servers by its records alone.
 *
 * Guarantees:
 * - The server decided each commit on the state of its stream.
 * - A subscriber's command and a process's command is recorded once, and in order.
 * - A timer is executed once, not before its time, and not after its job is over.
 * - The second release answers the jobs that began behind its swap, and no others.
 */
import type { PlainRecord } from "../../../../src/testing/simulate/plain-record.ts";
import { REJECTED, SECOND } from "./reactions.ts";

type Data = {
  readonly by: number;
  readonly seen: number;
  readonly fold: number;
  readonly to: string;
  readonly event: string;
  readonly ms: number;
  readonly refuses: boolean;
  readonly isPoison: boolean;
};

type Event = {
  readonly type: string;
  readonly position: number;
  readonly received: number;
  readonly data: Partial<Data>;
};

/** The amounts that each commit was decided on. */
export function checkDecisions(records: readonly PlainRecord[]): readonly string[] {
  const sums = new Map<string, number>();
  const problems: string[] = [];
  for (const { position, events } of records) {
    const before = new Map(sums);
    for (const { stream, type, data } of events) {
      if (type !== "Counted") continue;
      const { by = 0, seen, fold = 1 } = dataOf(data);
      if (seen !== (before.get(stream) ?? 0) * fold)
        problems.push(
          `the record at ${position} was decided on ${seen} of ${stream}, not on ${before.get(stream)} × ${fold}`,
        );
      sums.set(stream, (sums.get(stream) ?? 0) + by);
    }
  }
  return problems;
}

/** The number of records that a subscriber made for each event. */
export function notesIn(records: readonly PlainRecord[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { events } of records)
    for (const { type, data } of events)
      if (type === "Noted") {
        const { event = "" } = dataOf(data);
        counts.set(event, (counts.get(event) ?? 0) + 1);
      }
  return counts;
}

export type JobFacts = {
  /** The position behind which the second release reacts. Null: no release took over. */
  readonly swappedAt: number | null;
  /** The process manager began with the second release. */
  readonly isSecond: boolean;
  /** The nodes have one clock. */
  readonly hasOneClock: boolean;
  /** All work is done. */
  readonly isOver: boolean;
};

export function checkJobs(records: readonly PlainRecord[], facts: JobFacts): readonly string[] {
  const jobs = new Map<string, Event[]>();
  for (const { position, received, events } of records)
    for (const [n, { type, stream, data }] of events.entries()) {
      if (!stream.startsWith("job/")) continue;
      const ofJob = jobs.get(stream) ?? [];
      ofJob.push({ type, position: position + n, received, data: dataOf(data) });
      jobs.set(stream, ofJob);
    }
  return [...jobs].flatMap(([stream, events]) => checkJob(events, facts).map((problem) => `${stream} ${problem}`));
}

function checkJob(events: readonly Event[], facts: JobFacts): readonly string[] {
  const [started] = events;
  if (started?.type !== "Started") return ["does not begin with its start"];
  const { ms = 0, refuses = false, isPoison = false } = started.data;
  const of = (type: string): readonly Event[] => events.filter((event) => event.type === type);
  const answers = (to: string): readonly Event[] => of("Answered").filter(({ data }) => data.to === to);
  const problems: string[] = [];
  const expectCount = (what: string, found: readonly Event[], count: number): void => {
    const isWrong = facts.isOver ? found.length !== count : found.length > count;
    if (isWrong) problems.push(`${what} ${found.length} times, not ${count} times`);
  };
  const isSecond = facts.swappedAt === null ? facts.isSecond : started.position > facts.swappedAt;
  expectCount("is acknowledged", of("Acknowledged"), refuses ? 0 : 1);
  expectCount("has the answer to its rejection", answers(REJECTED), refuses ? 1 : 0);
  // A poisoned start that waits at the swap is folded by the code that the operator retries it on.
  if (!isPoison) expectCount("has the answer of the second release", answers(SECOND), isSecond ? 1 : 0);
  expectCount("is over", [...of("Finished"), ...of("Expired")], 1);
  const [expired] = of("Expired");
  if (expired && facts.hasOneClock && expired.received < started.received + ms)
    problems.push(`expired at ${expired.received}, before ${started.received + ms}`);
  const [acknowledged, answer] = [of("Acknowledged")[0], answers(SECOND)[0]];
  if (acknowledged && answer && answer.position < acknowledged.position)
    problems.push("has its answer before it is acknowledged");
  return problems;
}

function dataOf(data: unknown): Partial<Data> {
  return typeof data === "object" && data !== null ? data : {};
}
