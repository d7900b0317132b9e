/**
 * The calls of a page, answered by a session.
 *
 * Guarantees:
 * - For `execute`, `undo`, `redo`, `withdraw`, `discard`, `rebuild` and `importNext`, the changed rows reach the page
 *   no later than the answer (`page-updates.test.ts`).
 * - The error of a call is in its answer. `lifecycle` has no answer.
 */
import type { ProjectionDefinition } from "../../core/domain/definition.ts";
import { ValidationError } from "../../core/values/errors.ts";
import type { Engine } from "../engine/engine.ts";
import { rebuildRows } from "../engine/rebuild-rows.ts";
import {
  callResult,
  callResultNow,
  type ExecuteCall,
  requirePresence,
  type WorkerLog,
} from "../messages/worker-messages.ts";
import { archiveCalls } from "./archive-calls.ts";
import { readHistory, readRowsAt, readStateAt } from "./history.ts";
import { moveTo } from "./move-calls.ts";
import type { SessionParts } from "./session-parts.ts";
import type { TabSession } from "./tab-session.ts";
import { undoRedo } from "./undo-redo.ts";
import { redoTarget, undoTarget } from "./undo-stack.ts";
import { omitUndefined, parseOwnJson } from "../../core/values/json.ts";

export function workerCalls(session: TabSession, parts: SessionParts): WorkerLog {
  const { engine, updates } = session;
  const takeBack = undoRedo(engine, (commit) => {
    session.wake();
    return { commit, seq: updates.flush() };
  });
  const archive = archiveCalls(engine, parts.options.log);
  /** Sends the update that shows the effect, then answers. */
  const afterUpdate = <T>(effect: () => Promise<T>) => callResult(effect).finally(() => updates.flush());

  return {
    opened: () => callResultNow(() => ({ client: engine.head.client, update: updates.whole() })),
    executeBatch(text) {
      const calls = parseOwnJson<readonly ExecuteCall[]>(text);
      updates.expectAnswers(calls.length);
      for (const { call, requests, meta, endRejection } of calls)
        void callResult(async () => ({ commit: await session.execute(requests, meta, endRejection) })).then(
          (answer) => {
            updates.addAnswer({ call, answer });
            // The sync wakes after the answer, because a person waits for the answer and not for the sync.
            session.wake();
          },
        );
    },
    undo: (overwrite) => callResult(() => takeBack(undoTarget, overwrite)),
    redo: (overwrite) => callResult(() => takeBack(redoTarget, overwrite)),
    withdraw: (commitId) => afterUpdate(() => engine.withdraw(commitId)),
    discard: (commitId) => afterUpdate(() => engine.discard(commitId)),
    exportNext: (begin) => callResult(() => archive.exportNext(begin)),
    importNext: (piece, place) => afterUpdate(() => archive.importNext(piece, place)),
    moveTo: (user) => callResult(() => moveTo(engine, parts, user)),
    settled: (commitId) => callResult(async () => ({ settled: await session.settled(commitId), seq: updates.flush() })),
    watch: (projection) =>
      callResultNow(() => {
        projectionOf(engine, projection);
        updates.watch(projection);
        return { seq: updates.flush(), entries: JSON.stringify(engine.replica.entries(projection)) };
      }),
    history: (stream) => callResult(() => readHistory(engine, stream)),
    stateAt: (stream, version) => callResult(() => readStateAt(engine, stream, version)),
    rowsAt: (projection, position) => callResult(() => readRowsAt(engine, projectionOf(engine, projection), position)),
    rebuild: (projection, onProgress) =>
      afterUpdate(async () => {
        projectionOf(engine, projection);
        await rebuildRows(engine, parts, onProgress);
      }),
    setPresence: (data) =>
      callResultNow(() => {
        requirePresence(data);
        session.presence.set(omitUndefined(data));
      }),
    setPaused: (paused) => callResultNow(() => session.setPaused(paused)),
    acknowledge: () =>
      callResultNow(() => {
        engine.acknowledge();
        updates.schedule();
      }),
    lifecycle: (event) => session.handleLifecycle(event),
    close: () => callResult(() => session.close()),
  };
}

function projectionOf({ replica }: Engine, name: string): ProjectionDefinition {
  const projection = replica.domain.projections.get(name);
  if (projection) return projection;
  throw new ValidationError({
    message: `The worker's domain has no projection ${name}`,
    fix: "Add the projection to defineDomain, and load the page again.",
  });
}
