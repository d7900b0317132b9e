/**
 * Settles a batch: decides all pushes that wait for a log, in order, and writes the results with one append.
 *
 *     permit ─> head ─> planBatch ─> append ─┬─ ok ──────────────────────────────> results
 *               ^                            └─ moved, known, rejected, model-moved, vetoed ──┐
 *               └──── next round, after two losses in a turn of the log (S20) ─────────────────┘
 *
 * Guarantees:
 * - Every answer is durable before it is sent (S2, log-writer.test.ts).
 * - After an append that rejected, the next round reads the log before it answers. `mayHaveMoved` reports the records
 *   that such an append left behind (log-writer.test.ts).
 * - A batch that lost to other nodes twice is written in its turn (append-batch.turns.test.ts).
 * - A commit whose statement the database refuses is rejected alone (sql-model.on-a-server.test.ts).
 * - The rounds are bounded. A push without a result after the last round is refused as `unavailable`, and its device
 *   tries again.
 */
import { jittered, wait } from "../base/env.ts";
import { catchUp } from "./catch-up.ts";
import { type PermittedPush, permitPush } from "./permit-push.ts";
import { type BatchContext, type Plan, planBatch, type PlanContext } from "./plan-batch.ts";
import type { AdmittedPush, Appended, PushResult, RefusedCode } from "./admit-push.ts";
import type { Append, AppendResult, LogHead } from "../stores/event-store.ts";
import type { Vetoed } from "../stores/model-store.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
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
  /** True: the append moved the rows of all read models of the server. */
  readonly isFolded: boolean;
};

/** Rounds of one batch. Another node may append between our read and our append, so each round is another try. */
const ROUNDS_MAX = 20;
/** Appends of one batch that may reject. After the second, the store is unable to write. */
const FAILURES_MAX = 2;
/** Rounds that a batch loses to other nodes before it takes a turn, if the store has turns (S20). */
const LOST_MAX = 2;
/**
 * Milliseconds, from the third round on. Each round waits longer, with random jitter, so that contending nodes
 * separate.
 */
const CONTENTION_DELAY_MS = 4;

/** Vetoes of statements in one batch of several pushes. After them, its pushes are settled one by one. */
const VETOES_MAX = 3;

export async function appendBatch(context: BatchContext, pushes: readonly AdmittedPush[]): Promise<SettledBatch> {
  const together = await settleTogether(context, pushes, pushes.length > 1 ? VETOES_MAX : Infinity);
  if (together !== "many-vetoes") return together;
  // Each veto runs the statements of the batch once more. So the pushes are settled one by one.
  const results: PushResult[] = [];
  let mayHaveMoved = false;
  for (const push of pushes) {
    const part = await settleTogether(context, [push], Infinity);
    if (part === "many-vetoes") continue;
    results.push(...part.results);
    mayHaveMoved ||= part.appended !== null || part.mayHaveMoved;
  }
  // Readers read the records of several appends from the store.
  return { results, appended: null, mayHaveMoved, isFolded: false };
}

/** `many-vetoes`: the database refused more than `vetoesMax` events, and nothing was written. */
async function settleTogether(
  context: BatchContext,
  pushes: readonly AdmittedPush[],
  vetoesMax: number,
): Promise<SettledBatch | "many-vetoes"> {
  const { log, store, cache, recentRecords, env, report, step } = context;
  let mayHaveMoved = false;
  const vetoes = new Vetoes();
  /** The log or its rows are not as they were read. */
  const forgetRows = (): void => {
    mayHaveMoved = true;
    context.strongModels.drop(log);
    vetoes.clear();
  };
  // Two failures of one cause are one report.
  const failed: unknown[] = [];
  const reportFailed = (reported: string | null = null): void => {
    for (const error of failed.splice(0)) if (String(error) !== reported) report(error);
  };
  const settled = (results: readonly PushResult[], appended: Appended | null, isFolded = false): SettledBatch => {
    reportFailed();
    return { results, appended, mayHaveMoved, isFolded };
  };
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
  let hasMoved = false;
  for (let round = 0, lost = 0; round < ROUNDS_MAX; round++) {
    // A node that lost takes a turn. Otherwise the other nodes could be faster each time.
    const isTurn = lost >= LOST_MAX && store.takeTurn !== undefined;
    if (round >= 2 && !isTurn) await wait(env, jittered(env, CONTENTION_DELAY_MS * round));
    // Other nodes may have appended during the wait. On an older head, the round is lost before it begins.
    if (hasMoved && !isTurn) next = await catchUp(context);
    const done = isTurn
      ? await takeTurn(context, permitted, readsIds, vetoes)
      : await runRound(context, permitted, next, readsIds, vetoes);
    next = null;
    hasMoved = done.kind === "moved";
    if (done.kind === "gone") return refused("gone");
    if (done.kind === "nothing") return settled(done.results, null);
    if (done.kind === "ok") {
      const { results, appended } = done.plan;
      step.record("events", positionOf(appended.head) - positionOf(appended.after));
      const isFolded = remember(context, done.plan);
      return settled(results, appended.records.length > 0 ? appended : null, isFolded);
    }
    if (done.kind === "vetoed") {
      // Each such round refuses one more event, so it is not counted.
      if (vetoes.add(done) > vetoesMax) return "many-vetoes";
      next = done.head;
      round--;
      continue;
    }
    if (done.kind === "failed") {
      // The batch may be written nevertheless (S2). The next round finds its records by their ids.
      if (failed.length + 1 >= FAILURES_MAX) {
        reportFailed(String(done.error));
        throw done.error;
      }
      failed.push(done.error);
      cache.drop(log);
    }
    if (done.kind === "failed" || done.kind === "known" || done.kind === "unsure") readsIds = true;
    if (done.kind === "known") mayHaveMoved = true;
    else if (done.kind !== "unsure") forgetRows();
    // Strong models that are behind move a turn too. Only a round outside of a turn can wait for them.
    if (hasMoved) lost = isTurn ? 0 : lost + 1;
  }
  return refused("unavailable");
}

/** The end of one round. Only `ok` wrote something. */
type Round =
  | { readonly kind: "ok"; readonly plan: Plan }
  /** There is nothing to write. */
  | { readonly kind: "nothing"; readonly results: readonly PushResult[] }
  /** The answer needs the real head and the known ids. */
  | { readonly kind: "unsure" }
  | { readonly kind: "failed"; readonly error: unknown }
  | VetoedRound
  | { readonly kind: Exclude<AppendResult["kind"], "ok" | "vetoed"> };

/** The database refused a statement of an event, on this head. */
type VetoedRound = {
  readonly kind: "vetoed";
  readonly vetoed: Vetoed;
  readonly head: LogHead;
  readonly cursor: Cursor | null;
};

/** The events of a batch whose statements the database refused. On another head, the same statements may succeed. */
class Vetoes {
  #head: Cursor | null = null;
  #events = new Map<string, Map<string, Vetoed>>();

  /** Returns the number of refused events. */
  add({ vetoed, cursor }: VetoedRound): number {
    if (!sameCursor(cursor, this.#head)) this.clear();
    this.#head = cursor;
    const events = this.#events.get(vetoed.follower) ?? new Map<string, Vetoed>();
    this.#events.set(vetoed.follower, events.set(vetoed.event, vetoed));
    return [...this.#events.values()].reduce((sum, { size }) => sum + size, 0);
  }

  on(head: Cursor | null): ReadonlyMap<string, ReadonlyMap<string, Vetoed>> {
    return sameCursor(head, this.#head) ? this.#events : new Map();
  }

  clear(): void {
    this.#events = new Map();
  }
}

/** A round while no other node appends. Its records are durable only after the turn. */
async function takeTurn(
  context: BatchContext,
  permitted: readonly PermittedPush[],
  readsIds: boolean,
  vetoes: Vetoes,
): Promise<Round> {
  const { store, log } = context;
  try {
    const round = await store.takeTurn?.(log, async (turn) => {
      const inTurn = { ...context, store: turn, isTurn: true };
      return runRound(inTurn, permitted, await catchUp(inTurn), readsIds, vetoes);
    });
    return round ?? { kind: "moved" };
  } catch (error) {
    return { kind: "failed", error };
  }
}

async function runRound(
  context: PlanContext,
  permitted: readonly PermittedPush[],
  assumed: LogHead | null,
  readsIds: boolean,
  vetoes: Vetoes,
): Promise<Round> {
  const { log, store, step } = context;
  const head: LogHead = assumed ?? (await store.head(log));
  if (head.kind === "gone") return head;
  const cursor = head.kind === "open" ? head.cursor : null;
  const onHead = { ...context, refused: vetoes.on(cursor) };
  const plan = await step.run("decide", { log }, () => planOrMoved(onHead, permitted, cursor, !readsIds));
  if (!plan) return { kind: "moved" };
  const { results, appended, outcomes, strong, reportsIdTaken } = plan;
  const { records } = appended;
  const isEmpty = records.length === 0 && outcomes.length === 0;
  // Without an append that checks them, this needs the real head and the known ids before answering.
  if (!readsIds && (reportsIdTaken || isEmpty)) return { kind: "unsure" };
  if (isEmpty) return { kind: "nothing", results };
  // An append names the revisions of the rows, but only with a record.
  if (records.length === 0 && strong?.hasRefused === true && !(await strong.isCurrent()))
    return { kind: "model-moved" };
  const append = appendOf(context, plan);
  const events = positionOf(appended.head) - positionOf(appended.after);
  try {
    const written = await step.run("append", { log, records: records.length, events }, () => store.append(log, append));
    if (written.kind === "vetoed") return { kind: "vetoed", vetoed: written, head, cursor };
    return written.kind === "ok" ? { kind: "ok", plan } : written;
  } catch (error) {
    return { kind: "failed", error };
  }
}

/** Null: the log moved while the plan read it. */
function planOrMoved(...batch: Parameters<typeof planBatch>): Promise<Plan | null> {
  return planBatch(...batch).catch((error: unknown) => {
    if (error instanceof LogMoved) return null;
    throw error;
  });
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

/** The append of a plan. It writes rows of the strong models and snapshots only with a record. */
function appendOf({ env, limits, domain }: PlanContext, { appended, outcomes, strong, windows }: Plan): Append {
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
