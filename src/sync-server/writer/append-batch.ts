/**
 * Settling a batch: all pushes that waited for a log, decided in turn, written by one append.
 *
 * Place: the step that the writer queue repeats. Reads, computes, appends on the head it read; when the log moved, or one of the ids
 * became known meanwhile, it forgets what it computed and does it again. The first time it reads neither head nor ids where it
 * wrote the log's end itself: the append looks at both.
 * Holds: what is answered is durable, or was so before; what an append that failed has left behind is read before anything is
 * said, and never missing from what is told of the log; rounds are bounded, and a push that found no answer in them is told to come again.
 */
import { jittered, wait } from "../base/env.ts";
import { permitPush } from "./permit-push.ts";
import { type BatchContext, planBatch } from "./plan-batch.ts";
import type { AdmittedPush, Appended, PushResult, RefusedCode } from "./admit-push.ts";
import type { AppendResult, LogHead } from "../stores/event-store.ts";
import { LogMoved } from "../streams/read-stream.ts";

export type SettledBatch = {
  readonly results: readonly PushResult[];
  /** What this batch wrote; null: it wrote no record. */
  readonly appended: Appended | null;
  /** The log went on, or may have, by more than `appended` tells: another node wrote, or an append that failed did so all the same. */
  readonly mayHaveMoved: boolean;
};

/** Other nodes may append between our read and our append; each of these rounds is another try. */
const ROUNDS_MAX = 20;
/** Appends that fail without an answer. After the second, the store is in no state to write. */
const FAILURES_MAX = 2;
/** From the third round on, nodes that contend wait a little longer each time, each differently. */
const CONTENTION_DELAY_MS = 4;

export async function appendBatch(context: BatchContext, pushes: readonly AdmittedPush[]): Promise<SettledBatch> {
  const { log, store, cache, tail, env, limits, report } = context;
  let mayHaveMoved = false;
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

  let failures = 0;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    if (round >= 2) await wait(env, jittered(env, CONTENTION_DELAY_MS * round));
    // Mostly the log ends where it was last written here, and no commit is known yet: the append finds out where that is not so.
    const assumed = round === 0 ? tail.end(log) : null;
    const at: LogHead = assumed ? { kind: "open", cursor: assumed } : await store.head(log);
    if (at.kind === "gone") return refused("gone");
    const plan = await planBatch(context, permitted, at.kind === "open" ? at.cursor : null, assumed !== null).catch(
      (error: unknown) => {
        if (error instanceof LogMoved) return null;
        throw error;
      },
    );
    if (!plan) {
      mayHaveMoved = true;
      cache.drop(log);
      continue;
    }
    const { results, appended, outcomes, windows, toldTaken } = plan;
    const { records } = appended;
    // What no append confirms is not said before it was read.
    if (assumed && (toldTaken || (records.length === 0 && outcomes.length === 0))) continue;
    if (records.length === 0 && outcomes.length === 0) return settled(results, null);

    let written: AppendResult;
    try {
      written = await store.append(log, {
        expected: appended.after,
        records,
        outcomes,
        forgetOutcomesBefore: env.now() - limits.outcomesKeptMs,
        outcomesPerActorMax: limits.outcomesPerActorMax,
      });
    } catch (error) {
      // It may have been written all the same: the next round finds by its ids what was.
      if (++failures >= FAILURES_MAX) throw error;
      report(error);
      cache.drop(log);
      mayHaveMoved = true;
      continue;
    }
    if (written.kind === "gone") return refused("gone");
    if (written.kind === "ok") {
      cache.put(log, appended.after, appended.head, windows.known());
      if (records.length > 0) tail.add(log, appended);
      return settled(results, records.length > 0 ? appended : null);
    }
    mayHaveMoved = true;
    if (written.kind === "moved") cache.drop(log);
  }
  return refused("unavailable");
}
