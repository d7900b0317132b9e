/**
 * The commands that undo a commit, if each of its commands with events has an inverse.
 *
 * Guarantees:
 * - They are computed from the state before the commit, when the commit is proposed.
 * - A command never fails because its inverse does.
 */
import type { CommitCommand } from "../history/commit.ts";
import { prepareCommand } from "./decide-command.ts";
import type { CommandRequest, DomainDefinition } from "../domain/definition.ts";
import { foldStream, type StreamState } from "../fold/fold.ts";
import { findJsonProblem, parseOwnJson } from "../values/json.ts";
import type { RecordEvent, PendingRecord } from "../history/record.ts";
import { aggregateOf } from "../values/names.ts";
import type { StreamName } from "../values/ids.ts";

export type InverseFacts = {
  readonly commands: readonly CommitCommand[];
  /** The decided events of each command. */
  readonly ofCommand: readonly (readonly RecordEvent[])[];
  readonly author: Omit<PendingRecord, "events" | "position">;
  /** The state of a stream before the commit. */
  readonly before: (stream: StreamName) => StreamState;
};

/** The inverse of the last command comes first. Null if a command with events has no inverse, or its `undo` throws. */
export function inverseCommands(
  domain: DomainDefinition,
  { commands, ofCommand, author, before }: InverseFacts,
): readonly CommandRequest[] | null {
  const states = new Map<string, StreamState>();
  const inverse: CommandRequest[] = [];
  for (const [index, command] of commands.entries()) {
    const events = ofCommand[index] ?? [];
    if (events.length === 0) continue;
    const { stream } = command;
    const at = states.get(stream) ?? before(stream);
    const request = inverseCommand(domain, command, at, events);
    if (!request) return null;
    inverse.unshift(request);
    const record: PendingRecord = { ...author, position: null, events };
    states.set(
      stream,
      events.reduce((state, _, n) => foldStream(domain, state, record, n).next, at),
    );
  }
  return inverse.length > 0 ? inverse : null;
}

function inverseCommand(
  domain: DomainDefinition,
  command: CommitCommand,
  at: StreamState,
  events: readonly RecordEvent[],
): CommandRequest | null {
  // Checked before the input is parsed, because most commands have no inverse.
  if (!domain.aggregates.get(aggregateOf(command.stream))?.commands.get(command.name)?.undo) return null;
  const prepared = prepareCommand(domain, command);
  if ("defect" in prepared || !prepared.ready.definition.undo) return null;
  try {
    return storable(
      prepared.ready.definition.undo({ stream: command.stream, before: at.state, input: prepared.ready.input, events }),
    );
  } catch {
    // An inverse is a convenience, so a command must not fail because its `undo` throws.
    return null;
  }
}

/** The command as the store returns it, or null, because a row that cannot be read would keep the log from opening. */
function storable(given: CommandRequest | null): CommandRequest | null {
  const request = parseOwnJson<CommandRequest | null>(JSON.stringify(given));
  if (
    typeof request?.stream !== "string" ||
    typeof request.name !== "string" ||
    !Number.isSafeInteger(request.v) ||
    request.v < 1
  )
    return null;
  return request.input === undefined || findJsonProblem(request.input) === null ? request : null;
}
