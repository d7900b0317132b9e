/** Undo and redo, executed: the worker's end of `log.undo()` and `log.redo()`. What they would do is `undo-stack`'s word. */
import type { Engine } from "../engine/engine.ts";
import { NO_LINKS } from "../engine/append-group.ts";
import type { undoTarget } from "./undo-stack.ts";

/**
 * Makes the commit that undoes, or that brings back; null where there is nothing to. One after the other: each must see what the one before
 * it took back.
 *
 * @param made what is told of the commit, once it is durable
 */
export function undoRedo<T>(
  engine: Engine,
  made: (commit: string) => T,
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
