/**
 * A log without a server: the leader itself confirms what was made here.
 *
 * Holds: the same shape as a server's answer, so that a local log is stored like any other and can be given to a server later.
 * Nobody else writes it, so the forecast of the replica is the truth.
 */
import { type CommitRecord, type Cursor, cursorOf, positionOf } from "../../core/history/record.ts";
import type { Outcome } from "../../core/wire/messages.ts";
import type { ServerAnswer } from "../engine/plan-confirmation.ts";
import type { Engine } from "../engine/engine.ts";
import type { Env } from "../env/env.ts";

/** Commits that are confirmed in one transaction, at most. */
const CONFIRM_MAX = 500;
const MARK_BYTES = 8;

/** Confirms all that is pending. */
export async function confirmLocally(engine: Engine, env: Env): Promise<void> {
  while (engine.pendingCount > 0) {
    const before = engine.pendingCount;
    await engine.confirmFrom(() => localAnswer(engine, env));
    if (engine.pendingCount >= before) return; // Other tabs add as fast: the next wake goes on.
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
        command: 0,
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
