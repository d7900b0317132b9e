/**
 * One round of a batch: plans it on one head, and appends the plan.
 *
 *     head ─> planBatch ─> append ─┬─ ok, nothing
 *                                  └─ unsure, known, moved, model-moved, vetoed, gone, failed: nothing was answered
 *
 * Guarantees:
 * - Every answer is durable before it is sent (S2, log-writer.test.ts).
 * - A commit whose statement the database refuses is rejected alone (sql-model.on-a-server.test.ts).
 */
import { catchUp } from "./catch-up.ts";
import type { PermittedPush } from "./permit-push.ts";
import { type BatchContext, type Plan, planBatch, type PlanContext } from "./plan-batch.ts";
import type { PushResult } from "./admit-push.ts";
import type { Append, AppendResult, LogHead } from "../stores/event-store.ts";
import type { Vetoed } from "../stores/model-store.ts";
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";
import { withSnapshots } from "../streams/snapshots.ts";
import { LogMoved } from "../streams/read-stream.ts";

/** The end of one round. Only `ok` wrote something. */
export type Round =
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
export class Vetoes {
  #head: Cursor | null = null;
  #events = new Map<string, Map<string, Vetoed>>();

  get count(): number {
    let count = 0;
    for (const { size } of this.#events.values()) count += size;
    return count;
  }

  add({ vetoed, cursor }: VetoedRound): void {
    if (!sameCursor(cursor, this.#head)) this.clear();
    this.#head = cursor;
    const events = this.#events.get(vetoed.follower) ?? new Map<string, Vetoed>();
    this.#events.set(vetoed.follower, events.set(vetoed.event, vetoed));
  }

  on(head: Cursor | null): ReadonlyMap<string, ReadonlyMap<string, Vetoed>> {
    return sameCursor(head, this.#head) ? this.#events : new Map();
  }

  clear(): void {
    this.#events = new Map();
  }
}

/** A round while no other node appends. Its records are durable only after the turn. */
export async function takeTurn(
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

export async function runRound(
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
