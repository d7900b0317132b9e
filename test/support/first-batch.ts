/** The options of a server that settles its first pushes as one batch, however slow the machine is. */
import { type Env, runtimeEnv } from "../../src/sync-server/base/env.ts";
import type { Telemetry } from "../../src/sync-server/base/telemetry.ts";

const UNWATCHED: Telemetry = {
  startSpan: () => ({ set: () => {}, run: (work) => work(), end: () => {} }),
  record: () => {},
};

/**
 * While pushes wait, but fewer than `pushes` have come, no batch begins. So a test that counts appends or batches does
 * not depend on the time that its requests take.
 */
export function firstBatchOf(
  pushes: number,
  telemetry: Telemetry = UNWATCHED,
): { readonly env: Env; readonly telemetry: Telemetry } {
  const { promise: haveCome, resolve } = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    telemetry: {
      ...telemetry,
      record: (measure, value, facts) => {
        if (measure === "queue.length") waiting += value;
        if (waiting >= pushes) resolve();
        telemetry.record(measure, value, facts);
      },
    },
    env: {
      ...runtimeEnv,
      nextTurn: async () => {
        if (waiting > 0) await haveCome;
        await runtimeEnv.nextTurn();
      },
    },
  };
}
