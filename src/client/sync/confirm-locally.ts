/**
 * A log without a server: the leader tab confirms the commits of this device.
 *
 * Guarantees:
 * - The answer has the shape of a server's answer, so that the log is stored like any other and can get a server later
 *   (test "resolveDivergence: a local log that gets a server later is pushed whole").
 * - Records are what the replica forecast, because no other device writes this log.
 */
import { type CommitRecord, type Cursor, cursorOf, positionOf } from "../../core/history/record.ts";
import type { Outcome } from "../../core/wire/messages.ts";
import type { ServerAnswer } from "../engine/plan-confirmation.ts";
import type { Engine } from "../engine/engine.ts";
import type { Env } from "../env/env.ts";

/** The most commits that one transaction confirms. */
const CONFIRM_MAX = 500;
const MARK_BYTES = 8;

/** Confirms all pending commits. */
export async function confirmLocally(engine: Engine, env: Env): Promise<void> {
  while (engine.pendingCount > 0) {
    const before = engine.pendingCount;
    await engine.confirmFrom(() => localAnswer(engine, env));
    if (engine.pendingCount >= before) return; // Other tabs append as fast, so the next wake continues.
  }
}

function localAnswer(engine: Engine, env: Env): ServerAnswer | null {
  const records: CommitRecord[] = [];
  const outcomes: Outcome[] = [];
  const after = engine.replica.cursor;
  let cursor: Cursor | null = after;
  for (const { commit, forecast } of engine.replica.pending.slice(0, CONFIRM_MAX)) {
    const { id, client, actor, time, meta } = commit;
    if ("defect" in forecast)
      outcomes.push({
        id,
        outcome: "rejected",
        command: forecast.commandIndex,
        code: forecast.defect.code,
        message: forecast.defect.message,
      });
    else if (forecast.events.length === 0) outcomes.push({ id, outcome: "empty" });
    else {
      const record: CommitRecord = {
        position: positionOf(cursor) + 1,
        mark: newMark(env),
        commit: id,
        client,
        actor,
        time,
        received: env.now(),
        meta,
        events: forecast.events,
      };
      records.push(record);
      cursor = cursorOf(record);
    }
  }
  if (records.length === 0 && outcomes.length === 0) return null;
  return {
    page: { after, records, cursor, head: positionOf(cursor), more: false },
    text: JSON.stringify({ records }),
    outcomes,
  };
}

function newMark(env: Env): string {
  return Array.from(env.randomBytes(MARK_BYTES), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
