/**
 * Executes undo and redo: the worker's end of `log.undo()` and `log.redo()`. `undo-stack` decides what they do.
 *
 * Guarantees:
 * - Without `overwrite`, an undo replaces nothing that another author did since, also if only the server knows of it,
 *   or only a base has it (`undo-redo.other-authors.test.ts`).
 */
import { RejectedError } from "../../core/values/errors.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { shortText } from "../../core/values/reason.ts";
import type { CommitId } from "../../core/values/ids.ts";
import { NO_LINKS } from "../engine/append-group.ts";
import type { Engine } from "../engine/engine.ts";
import { StepQueue } from "../engine/step-queue.ts";
import { laterEvents } from "./later-events.ts";
import type { StackTarget, undoTarget } from "./undo-stack.ts";

/** Events that an error shows, at most. */
const SHOWN_MAX = 100;

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
): (targetOf: typeof undoTarget, overwrite: boolean) => Promise<T | null> {
  const steps = new StepQueue();
  const takeBack = async (targetOf: typeof undoTarget, overwrite: boolean) => {
    const sent = await engine.store.readSent(null);
    // A commit is in both if it settled and this tab has not read that yet.
    const own = [...new Map([...engine.pending, ...sent].map((entry) => [entry.n, entry])).values()];
    const target = targetOf(own);
    if (!target) return null;
    if (!overwrite) refuse(target, await laterEvents(engine, target.entry, own));
    const links = { ...NO_LINKS, ...target.links, isGuarded: !overwrite };
    return made(await engine.execute(target.requests, null, links));
  };
  return (targetOf, overwrite) => steps.run(() => takeBack(targetOf, overwrite));
}

function refuse({ entry, links }: StackTarget, theirs: readonly DomainEvent[]): void {
  const [first] = theirs;
  if (!first) return;
  throw new RejectedError({
    message: shortText(
      `Since then ${first.actor} changed ${first.stream} (${theirs.length} event(s) of other authors)`,
    ),
    fix: "Show the person what changed. To replace it, call undo or redo with { overwrite: true }.",
    details: {
      code: "conflict",
      commit: links.undoes ?? links.redoes ?? entry.commit.id,
      mine: entry.commit.commands.flatMap(({ stream, events }) => events.map(({ type }) => ({ stream, type }))),
      theirs: theirs.slice(-SHOWN_MAX),
    },
  });
}
