/**
 * Settles a batch: decides all pushes that wait for a log, in order, and writes the results with one append.
 *
 *     permit ─> head ─> planBatch ─> append ─┬─ ok ──────────────────────────────> results
 *               ^                            └─ moved, known, rejected, model-moved ──┐
 *               └────────────────── next round ────────────────────────────────────────┘
 *
 * Guarantees:
 * - Every answer is durable before it is sent (S2, log-writer.test.ts).
 * - After an append that rejected, the next round reads the log before it answers. `mayHaveMoved` reports the records
 *   that such an append left behind (log-writer.test.ts).
 * - The rounds are bounded. A push without a result after the last round is refused as `unavailable`, and its device
 *   tries again.
 */
import { jittered, wait } from "../base/env.ts";
import { catchUp } from "./catch-up.ts";
import { permitPush } from "./permit-push.ts";
import { type BatchContext, type Plan, planBatch } from "./plan-batch.ts";
import type { AdmittedPush, Appended, PushResult, RefusedCode } from "./admit-push.ts";
import type { Append, AppendResult, LogHead } from "../stores/event-store.ts";
import { type Cursor, positionOf } from "../../core/history/record.ts";
import { withSnapshots } from "../streams/snapshots.ts";
import { LogMoved } from "../streams/read-stream.ts";

export type SettledBatch = {
  readonly results: readonly PushResult[];
  /** The records that this batch wrote. Null: it wrote no record. */
  readonly appended: Appended | null;
  /**
   * The log may have more new records than `appended`: from another node, or from an append that failed but was
   * written.
   */
  readonly mayHaveMoved: boolean;
};

/** Rounds of one batch. Another node may append between our read and our append, so each round is another try. */
const ROUNDS_MAX = 20;
/** Appends of one batch that may reject. After the second, the store is unable to write. */
const FAILURES_MAX = 2;
/**
 * Milliseconds, from the third round on. Each round waits longer, with random jitter, so that contending nodes
 * separate.
 */
const CONTENTION_DELAY_MS = 4;

export async function appendBatch(context: BatchContext, pushes: readonly AdmittedPush[]): Promise<SettledBatch> {
  const { log, store, cache, recentRecords, env, report, step } = context;
  let mayHaveMoved = false;
  /** The log or its rows are not as they were read. */
  const forgetRows = (): void => {
    mayHaveMoved = true;
    context.strongModels.drop(log);
  };
  const followOthers = (): Promise<LogHead | null> => (forgetRows(), catchUp(context));
  const settled = (results: readonly PushResult[], appended: Appended | null): SettledBatch => ({
    results,
    appended,
    mayHaveMoved,
  });
  const refused = (code: RefusedCode): SettledBatch =>
    settled(
      pushes.map((): PushResult => ({ kind: "refused", code })),
      null,
    );
  const permitted = await Promise.all(pushes.map((push) => permitPush(context, push)));
  for (const { failure } of permitted) if (failure !== null) report(failure);

  // Usually this node knows the end of the log, and no commit is known. So a round reads neither, until it must.
  let next = assumedHead(recentRecords.end(log));
  let readsIds = next === null;
  let failures = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (round >= 2) await wait(env, jittered(env, CONTENTION_DELAY_MS * round));
    const head: LogHead = next ?? (await store.head(log));
    next = null;
    if (head.kind === "gone") return refused("gone");
    const cursor = head.kind === "open" ? head.cursor : null;
    const plan = await step.run("decide", { log }, () => planOrMoved(context, permitted, cursor, !readsIds));
    if (!plan) {
      next = await followOthers();
      continue;
    }
    const { results, appended, outcomes, strong, reportsIdTaken } = plan;
    const { records } = appended;
    const isEmpty = records.length === 0 && outcomes.length === 0;
    // Without an append that checks them, this needs the real head and the known ids before answering.
    if (!readsIds && (reportsIdTaken || isEmpty)) {
      readsIds = true;
      continue;
    }
    if (isEmpty) return settled(results, null);
    // An append names the revisions of the rows, but only with a record.
    if (records.length === 0 && strong?.hasRefused === true && !(await strong.isCurrent())) {
      forgetRows();
      continue;
    }

    let written: AppendResult;
    const append = appendOf(context, plan);
    const events = positionOf(appended.head) - positionOf(appended.after);
    try {
      written = await step.run("append", { log, records: records.length, events }, () => store.append(log, append));
    } catch (error) {
      // The batch may be written nevertheless (S2). The next round finds its records by their ids.
      if (++failures >= FAILURES_MAX) throw error;
      report(error);
      cache.drop(log);
      forgetRows();
      readsIds = true;
      continue;
    }
    if (written.kind === "gone") return refused("gone");
    if (written.kind === "ok") {
      step.record("events", events);
      remember(context, plan);
      return settled(results, records.length > 0 ? appended : null);
    }
    mayHaveMoved = true;
    if (written.kind === "moved") next = await followOthers();
    else if (written.kind === "known") readsIds = true;
    else forgetRows();
  }
  return refused("unavailable");
}

/** Null: the log moved while the plan read it. */
function planOrMoved(...batch: Parameters<typeof planBatch>): Promise<Plan | null> {
  return planBatch(...batch).catch((error: unknown) => {
    if (error instanceof LogMoved) return null;
    throw error;
  });
}

/** Keeps the states, the records and the rows of a plan that is written. */
function remember(
  { log, cache, recentRecords, strongModels }: BatchContext,
  { appended, windows, strong }: Plan,
): void {
  cache.put(log, appended.after, appended.head, windows.known());
  if (appended.records.length === 0) return;
  recentRecords.add(log, appended);
  if (strong) strongModels.put(log, strong, appended.head);
}

/** The append of a plan. It writes rows of the strong models and snapshots only with a record. */
function appendOf({ env, limits, domain }: BatchContext, { appended, outcomes, strong, windows }: Plan): Append {
  const { head, records } = appended;
  const models =
    records.length > 0 ? withSnapshots(strong?.write(head), head, domain, windows.longStreams()) : undefined;
  return {
    expected: appended.after,
    records,
    outcomes,
    forgetOutcomesBefore: env.now() - limits.outcomesKeptMs,
    outcomesPerActorMax: limits.outcomesPerActorMax,
    ...(models && { models }),
  };
}

function assumedHead(end: Cursor | null): LogHead | null {
  return end && { kind: "open", cursor: end };
}
