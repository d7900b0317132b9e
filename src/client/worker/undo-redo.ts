/** Executes undo and redo: the worker's end of `log.undo()` and `log.redo()`. `undo-stack` decides what they do. */
import type { Engine } from "../engine/engine.ts";
import { NO_LINKS } from "../engine/append-group.ts";
import type { undoTarget } from "./undo-stack.ts";
import type { CommitId } from "../../core/values/ids.ts";

/**
 * Returns a function that executes the commit of `undoTarget` or `redoTarget`, or resolves with null where there is
 * none.
 *
 * Calls run one after the other, because each call must see what the call before it took back.
 *
 * @param made runs once the commit is durable, and returns the answer
 */
export function undoRedo<T>(
  engine: Engine,
  made: (commitId: CommitId) => T,
): (targetOf: typeof undoTarget) => Promise<T | null> {
  let last: Promise<unknown> = Promise.resolve();
  const takeBack = async (targetOf: typeof undoTarget) => {
    const target = targetOf([...(await engine.store.readSent(null)), ...engine.pending]);
    return target && made(await engine.execute(target.requests, null, { ...NO_LINKS, ...target.links }));
  };
  return (targetOf) => {
    const done = last.then(() => takeBack(targetOf));
    last = done.catch(() => {});
    return done;
  };
}
