/**
 * Settles a batch: decides all pushes that wait for a log, in order, and writes the results with one append.
 *
 *     permit ─> rounds, each one decides and appends the whole batch, until one settles it ─> results
 *
 * `next-step.ts` decides about the rounds, and `run-round.ts` runs one.
 *
 * Guarantees:
 * - After an append that rejected, the next round reads the log before it answers. `mayHaveMoved` reports the records
 *   that such an append left behind (log-writer.test.ts).
 * - A batch that lost to other nodes twice is written in its turn (append-batch.turns.test.ts).
 * - If the database refuses many events of a batch, its pushes are settled one by one (append-batch.vetoes.test.ts).
 * - A batch whose rows would fill the memory is settled in several appends. If one fails, the pushes before it keep
 *   their results (strong-models.large-rows.test.ts).
 */
import { jittered, wait } from "../base/env.ts";
import { catchUp } from "./catch-up.ts";
import { afterRound, type BatchProgress, beginBatch, isStaleAfter, type LastStep, nextStep } from "./next-step.ts";
import { type PermittedPush, permitPush } from "./permit-push.ts";
import type { BatchContext, Plan, PlanContext } from "./plan-batch.ts";
import type { AdmittedPush, Appended, PushResult } from "./admit-push.ts";
import { runRound, takeTurn, Vetoes } from "./run-round.ts";
import { positionOf } from "../../core/history/record.ts";

export type SettledBatch = {
  /** The results of the pushes, in their order. Fewer than pushes: the store failed before the others. */
  readonly results: readonly PushResult[];
  /** The records that this batch wrote. Null: it wrote no record. */
  readonly appended: Appended | null;
  /**
   * The log may have more new records than `appended`: from another node, or from an append that failed but was
   * written.
   */
  readonly mayHaveMoved: boolean;
  /** True: the append moved the rows of all read models of the server. */
  readonly isFolded: boolean;
  /** The error of the store, after it had written the results. */
  readonly failed?: { readonly error: unknown };
};

/** Vetoes of statements in one batch of several pushes. After them, its pushes are settled one by one. */
const VETOES_MAX = 3;

export async function appendBatch(context: BatchContext, pushes: readonly AdmittedPush[]): Promise<SettledBatch> {
  const permitted = await Promise.all(pushes.map((push) => permitPush(context, push)));
  for (const { failure } of permitted) if (failure !== null) context.report(failure);
  let partMax = permitted.length;
  let all: SettledBatch | null = null;
  for (let rest = permitted; rest.length > 0;) {
    const pushesOfPart = rest.slice(0, partMax);
    try {
      const part = await settleTogether(context, pushesOfPart, partMax > 1 ? VETOES_MAX : Infinity);
      if (part === "many-vetoes") {
        // Each veto runs the statements of the batch once more. So the pushes are settled one by one.
        partMax = 1;
        continue;
      }
      // The rows of the next pushes are probably as large, and each part reads the streams of all its pushes.
      if (part.results.length < pushesOfPart.length) partMax = 2 * part.results.length;
      rest = rest.slice(part.results.length);
      all = all ? joined(all, part) : part;
    } catch (error) {
      if (all === null) throw error;
      return { ...all, failed: { error } };
    }
  }
  return all ?? NOTHING;
}

const NOTHING: SettledBatch = { results: [], appended: null, mayHaveMoved: false, isFolded: false };

/** A batch of which nothing is known to be written. */
export function failedBatch(error: unknown): SettledBatch {
  return { ...NOTHING, failed: { error } };
}

/** Readers read the records of several appends from the store. */
function joined(before: SettledBatch, part: SettledBatch): SettledBatch {
  const hasMoved = [before, part].some(({ appended, mayHaveMoved }) => appended !== null || mayHaveMoved);
  return { results: [...before.results, ...part.results], appended: null, mayHaveMoved: hasMoved, isFolded: false };
}

/**
 * Settles these pushes, or the first of them if the rows of all would fill the memory. `many-vetoes`: the database
 * refused more than `vetoesMax` events, and nothing was written.
 */
async function settleTogether(
  context: BatchContext,
  permitted: readonly PermittedPush[],
  vetoesMax: number,
): Promise<SettledBatch | "many-vetoes"> {
  const { log, store, env } = context;
  const hasTurns = store.takeTurn !== undefined;
  const vetoes = new Vetoes();
  let progress = beginBatch(context.recentRecords.end(log));
  for (;;) {
    const step = nextStep(progress, { hasTurns, hasManyVetoes: vetoes.count > vetoesMax });
    if (step.kind !== "round" && step.kind !== "turn") return endBatch(context, permitted, progress, step);
    let round;
    if (step.kind === "turn") round = await takeTurn(context, permitted, step.readsIds, vetoes);
    else {
      if (step.waitMs > 0) await wait(env, jittered(env, step.waitMs));
      const head = step.isBehind ? await catchUp(context) : step.head;
      round = await runRound(context, permitted, head, step.readsIds, vetoes);
    }
    if (round.kind === "vetoed") vetoes.add(round);
    if (round.kind === "failed") context.cache.drop(log);
    if (isStaleAfter(round)) {
      context.strongModels.drop(log);
      vetoes.clear();
    }
    progress = afterRound(progress, step, round);
  }
}

function endBatch(
  context: BatchContext,
  pushes: readonly PermittedPush[],
  { mayHaveMoved, errors }: BatchProgress,
  step: LastStep,
): SettledBatch | "many-vetoes" {
  if (step.kind === "split") return "many-vetoes";
  const thrown = step.kind === "fail" ? String(step.error) : null;
  // Two failures of one cause are one report.
  for (const error of errors) if (String(error) !== thrown) context.report(error);
  const unwritten = { appended: null, mayHaveMoved, isFolded: false };
  switch (step.kind) {
    case "fail":
      throw step.error;
    case "refuse":
      return { ...unwritten, results: pushes.map(() => ({ kind: "refused", code: step.code })) };
    case "answer": {
      if (step.round.kind === "nothing") return { ...unwritten, results: step.round.results };
      const { results, appended } = step.round.plan;
      context.step.record("events", positionOf(appended.head) - positionOf(appended.after));
      const isFolded = remember(context, step.round.plan);
      return { results, appended: appended.records.length > 0 ? appended : null, mayHaveMoved, isFolded };
    }
  }
}

/**
 * Keeps the states, the records and the rows of a plan that is written. Returns true if it moved the rows of all
 * models.
 */
function remember(
  { log, cache, recentRecords, strongModels }: PlanContext,
  { appended, windows, strong }: Plan,
): boolean {
  cache.put(log, appended.after, appended.head, windows.known());
  if (appended.records.length === 0) return false;
  recentRecords.add(log, appended);
  return strong !== null && strongModels.put(log, strong, appended.head);
}
