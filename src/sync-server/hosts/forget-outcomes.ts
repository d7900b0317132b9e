/**
 * The task of an object that forgets old outcomes, because nobody may push to the log any more.
 *
 * Guarantees (cloudflare.schedule.test.ts):
 * - An outcome stays for `outcomesKeptMs` at least, and for one more day at most.
 * - A log without outcomes never wakes its object.
 */
import type { ServerLimits } from "../base/limits.ts";
import type { DurableObjectStore } from "../stores/durable-object.ts";
import type { ObjectTask } from "./object-schedule.ts";

export type ForgetOutcomesOptions = {
  readonly store: DurableObjectStore;
  readonly log: string;
  readonly limits: Pick<ServerLimits, "outcomesKeptMs" | "outcomesPerActorMax">;
};

/** Outcomes of a day are forgotten together, because each alarm costs a write. */
const TOGETHER_MS = 24 * 60 * 60 * 1000;

export function forgetOutcomes({ store, log, limits }: ForgetOutcomesOptions): ObjectTask {
  const { outcomesKeptMs, outcomesPerActorMax } = limits;
  const dueAt = async (): Promise<number> => {
    const oldest = await store.oldestOutcome(log);
    return oldest === null ? Infinity : oldest + outcomesKeptMs + TOGETHER_MS;
  };
  return async (now) => {
    const at = await dueAt();
    if (at > now) return at;
    const head = await store.head(log);
    if (head.kind !== "open") return Infinity;
    const forgetOutcomesBefore = now - outcomesKeptMs;
    // If a push moves the log meanwhile, its append forgets them.
    const nothing = { records: [], outcomes: [], forgetOutcomesBefore, outcomesPerActorMax };
    await store.append(log, { expected: head.cursor, ...nothing });
    return dueAt();
  };
}
