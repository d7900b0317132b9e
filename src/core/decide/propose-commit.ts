/**
 * Proposing a commit: what a person asks for, decided on what this device shows.
 *
 * Place: the first step of a command's way. The engine appends what comes out to `pending`.
 * Holds: a command that is invalid or refused today, or that no server would take, never becomes a commit, whatever is given
 * (JavaScript may give anything). `seen` is the confirmed version, fixed from here on.
 */
import { exceedsBytes } from "../values/byte-length.ts";
import { type Commit, type CommitCommand } from "../history/commit.ts";
import { COMMANDS_MAX, LIMITS } from "../history/limits.ts";
import { type CommandRequest, type DomainDefinition, READS_MAX } from "../domain/definition.ts";
import { type Defect, type PreparedCommand, prepareCommand } from "./decide-command.ts";
import type { FoldStep, StreamState } from "../fold/fold.ts";
import { inverseCommands } from "./inverse-commands.ts";
import { findJsonProblem, type Json } from "../values/json.ts";
import { type Decided, reconcileCommit } from "./reconcile-commit.ts";
import { findUnstorable } from "../values/find-unstorable.ts";
import { parseStream } from "../values/names.ts";

export type CommitIdentity = {
  readonly id: string;
  readonly client: string;
  readonly actor: string;
  readonly time: number;
  readonly meta: Json;
};

/** The device's view: optimistic states, confirmed versions. A replica is one. */
export type View = { stream(stream: string): StreamState; confirmedVersion(stream: string): number };

export type Proposed =
  | {
      readonly commit: Commit;
      /** The commands that would take the commit back, or null. */
      readonly inverse: readonly CommandRequest[] | null;
      /** What came of it on this view, for whoever adds it there next; null where the receiver's clock has a say. */
      readonly decided: Decided | null;
    }
  | { readonly commandIndex: number; readonly defect: Defect };

/** Decides commands on a device's view and makes the commit that says so. */
export function proposeCommit(
  domain: DomainDefinition,
  view: View,
  requests: readonly CommandRequest[],
  author: CommitIdentity,
  commitBytesMax: number = LIMITS.commitBytesMax,
): Proposed {
  const count = countOf(requests);
  if (count === 0 || count > COMMANDS_MAX)
    return { commandIndex: 0, defect: invalid(`A commit holds 1 to ${COMMANDS_MAX} commands, not ${count}`) };
  const seen = (stream: string) => ({ stream, seen: view.confirmedVersion(stream) });
  const commands: CommitCommand[] = [];
  const ready: PreparedCommand[] = [];
  let isTimed = false;
  for (const [commandIndex, request] of requests.entries()) {
    const problem = problemOf(request);
    if (problem) return { commandIndex, defect: problem };
    const prepared = prepareCommand(domain, request);
    if ("defect" in prepared) return { commandIndex, defect: prepared.defect };
    ready.push(prepared);
    isTimed ||= prepared.ready.definition.time === "server";
    const reads = [...new Set(Object.values(prepared.ready.reads))];
    if (reads.length > READS_MAX)
      return { commandIndex, defect: invalid(`A command reads at most ${READS_MAX} streams, not ${reads.length}`) };
    commands.push({
      ...seen(request.stream),
      reads: reads.map(seen),
      name: request.name,
      v: request.v,
      ...inputOf(request),
      events: [],
    });
  }
  const draft: Commit = { ...author, commands };
  const reconciled = reconcileCommit(domain, draft, {
    mode: "device",
    now: author.time,
    prepared: ready,
    window: (stream) => ({
      current: view.stream(stream),
      from: view.confirmedVersion(stream),
      since: [],
      authored: null,
    }),
  });
  if (reconciled.kind === "rejected") return { commandIndex: reconciled.commandIndex, defect: reconciled.defect };
  const broken = brokenState(reconciled.steps);
  if (broken) return broken;
  const expected = reconciled.ofCommand.map((events) => events.map(({ type, v, data }) => ({ type, v, data })));
  const commit: Commit = {
    ...draft,
    commands: commands.map((command, index) => ({ ...command, events: expected[index] ?? [] })),
  };
  if (exceedsBytes(JSON.stringify(commit), commitBytesMax))
    return {
      commandIndex: 0,
      defect: { ...invalid(`The commit has more than ${commitBytesMax} bytes`), code: "too-large" },
    };
  return {
    commit,
    decided: isTimed ? null : reconciled,
    inverse: inverseCommands(domain, {
      commands,
      ofCommand: reconciled.ofCommand,
      author: { ...author, commit: author.id },
      before: (stream) => view.stream(stream),
    }),
  };
}

/** A state that would not come back from storage: better known before anything stands on it. */
function brokenState(steps: readonly FoldStep[]): { readonly commandIndex: number; readonly defect: Defect } | null {
  const states = new Map(steps.map(({ event, after }) => [event.stream, after]));
  for (const [stream, state] of states) {
    const problem = findUnstorable(state);
    if (!problem) continue;
    const place = problem.path.length > 0 ? ` at ${problem.path.slice(0, 10).join(".")}` : "";
    const message = `The state of ${stream}${place} ${problem.reason}: states are stored, so evolve must give plain JSON`;
    return { commandIndex: 0, defect: { kind: "failed", code: "state-not-json", message } };
  }
  return null;
}

function countOf(given: unknown): number {
  return Array.isArray(given) ? given.length : 0;
}

function problemOf(request: CommandRequest): Defect | null {
  if (!isRequest(request))
    return invalid("This is no command: make one with the aggregate's handle, such as task.command.add(id, input)");
  const stream = parseStream(request.stream);
  if (!stream.ok) return invalid(`The stream of ${request.name} is not valid: ${stream.problem.reason}`);
  const problem = request.input === undefined ? null : findJsonProblem(request.input);
  if (!problem) return null;
  const at = problem.path.length > 0 ? ` at ${problem.path.join(".")}` : "";
  return { ...invalid(`The input of ${request.name} is not valid${at}: ${problem.reason}`), path: problem.path };
}

function isRequest(given: unknown): boolean {
  if (typeof given !== "object" || given === null || !("stream" in given && "name" in given && "v" in given))
    return false;
  return (
    typeof given.stream === "string" &&
    typeof given.name === "string" &&
    typeof given.v === "number" &&
    Number.isSafeInteger(given.v) &&
    given.v >= 1
  );
}

function inputOf({ input }: CommandRequest): { input?: Json } {
  return input === undefined ? {} : { input };
}

function invalid(message: string): Defect {
  return { kind: "invalid", code: "invalid-input", message };
}
