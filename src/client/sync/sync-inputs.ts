/** Makes the inputs of `nextStep` from the engine, and from the push under way. */
import type { Engine } from "../engine/engine.ts";
import type { WhenStuck } from "../messages/worker-messages.ts";
import { behindNow, queueOf, unsent } from "./push-queue.ts";
import type { SyncInputs, SyncState } from "./sync-state.ts";

export type LoopFacts = {
  readonly engine: Pick<Engine, "head" | "pending" | "pendingCount" | "replica">;
  readonly whenStuck: WhenStuck;
  /** By `env.elapsed`. */
  readonly now: number;
  /** True: a push has no answer yet, so no other push may begin. */
  readonly isPushing: boolean;
};

export function syncInputs(state: SyncState, { engine, whenStuck, now, isPushing }: LoopFacts): SyncInputs {
  const { cursor } = engine.replica;
  const { stuck: known } = state.push;
  const behind = behindNow(state.behind, cursor);
  // Most queues are sent as they are. Then the count is enough, because listing a long queue takes time.
  const isPlain = known.length === 0 && !behind;
  const { sendable, stuck } = queueOf(isPlain ? [] : unsent(engine.pending, behind), known, whenStuck);
  return {
    now,
    cursor,
    pending: isPushing ? 0 : isPlain ? engine.pendingCount : sendable.length,
    stuckAt: isPushing || stuck.length === 0 ? null : Math.min(...stuck.map(({ notBefore }) => notBefore)),
    isRefilling: engine.head.droppedEnd !== null,
  };
}
