/** Finds what other authors did on the streams of a commit of this device, after its author saw them. */
import { isSameAuthor } from "../../core/history/author.ts";
import { lowestSeen } from "../../core/history/commit.ts";
import { positionOf, readableEvents } from "../../core/history/record.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import type { Engine } from "../engine/engine.ts";
import { eventsOf } from "./history.ts";
import type { StackEntry } from "./undo-stack.ts";

/**
 * Returns the events of other authors that an inverse of the commit would overwrite, oldest first.
 *
 * @param own all commits of this device
 * @throws {RejectedError} `before-base`: not all events of that time are on this device
 */
export async function laterEvents(
  engine: Engine,
  { n, commit }: StackEntry,
  own: readonly StackEntry[],
): Promise<readonly DomainEvent[]> {
  const seen = lowestSeen({ ...commit, commands: commit.commands.map((command) => ({ ...command, reads: [] })) });
  const end = positionOf(engine.replica.cursor);
  const recorded = own.flatMap((entry) =>
    entry.n >= n && entry.outcome === "accepted" && entry.position <= end ? entry.commit.commands : [],
  );
  // Most streams have no other events, and reading a long log takes a second. A rebased commit has an unknown number of
  // events, so this sum leaves it out.
  const isOwn = [...seen].every(
    ([stream, version]) =>
      engine.replica.confirmedVersion(stream) ===
      recorded.reduce((sum, command) => sum + (command.stream === stream ? command.events.length : 0), version),
  );
  const events: DomainEvent[] = [];
  if (isOwn) return events;
  for await (const { record, n: index } of eventsOf(engine, seen))
    if (!isSameAuthor(record, commit)) events.push(...readableEvents(engine.replica.domain, record, index));
  return events;
}
