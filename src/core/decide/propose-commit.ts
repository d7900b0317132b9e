/**
 * Proposing a commit: a person's commands, decided on the state that this device shows.
 *
 * Guarantees, each with its test in test/unit/core/decide/propose-commit.test.ts:
 * - If a command is invalid, the domain rejects it, or it breaks a limit, there is no commit.
 * - This holds for any JavaScript value, not only for values that fit the types.
 * - `seen` is the confirmed version of each stream. It is fixed from here on.
 */
import { exceedsBytes } from "../values/byte-length.ts";
import { type Commit, type CommitCommand } from "../history/commit.ts";
import { COMMANDS_MAX, LIMITS } from "../history/limits.ts";
import type { CommandRequest, DomainDefinition } from "../domain/definition.ts";
import { type Defect, type PreparedCommand, prepareCommand } from "./decide-command.ts";
import type { FoldStep, StreamState } from "../fold/fold.ts";
import { inverseCommands } from "./inverse-commands.ts";
import { findJsonProblem, type Json, omitUndefined } from "../values/json.ts";
import { type Decided, reconcileCommit } from "./reconcile-commit.ts";
import { findUnstorable } from "../values/find-unstorable.ts";
import { parseStream } from "../values/names.ts";
import { describePlace } from "../values/parsed.ts";
import type { Actor, ClientId, StreamName } from "../values/ids.ts";

export type CommitIdentity = {
  readonly id: string;
  readonly client: ClientId;
  readonly actor: Actor;
  readonly time: number;
  readonly meta: Json;
  readonly onConflict?: "reject";
};

/** A device's view of a log: states with pending events, and confirmed versions. */
export type View = { stream(stream: StreamName): StreamState; confirmedVersion(stream: StreamName): number };

export type Proposed =
  | {
      readonly commit: Commit;
      /** The commands that undo the commit, or null. */
      readonly inverse: readonly CommandRequest[] | null;
      /**
       * The events and states on this view, so that `Replica.add` need not decide again. Null if a command
       * uses `time: "server"`.
       */
      readonly decided: Decided | null;
    }
  | { readonly commandIndex: number; readonly defect: Defect };

/** Decides commands on a device's view and makes the commit. */
export function proposeCommit(
  domain: DomainDefinition,
  view: View,
  requests: readonly CommandRequest[],
  author: CommitIdentity,
  commitBytesMax: number = LIMITS.commitBytesMax,
): Proposed {
  const count = countOf(requests);
  if (count === 0 || count > COMMANDS_MAX)
    return { commandIndex: 0, defect: invalidInput(`A commit must have 1 to ${COMMANDS_MAX} commands, not ${count}`) };
  const seen = (stream: StreamName) => ({ stream, seen: view.confirmedVersion(stream) });
  const commands: CommitCommand[] = [];
  const ready: PreparedCommand[] = [];
  let isTimed = false;
  for (const [commandIndex, given] of requests.entries()) {
    const problem = problemOf(given);
    if (problem) return { commandIndex, defect: problem };
    // The server gets the input from JSON, so both must decide on the same one.
    const request = { ...given, ...inputOf(given) };
    const prepared = prepareCommand(domain, request);
    if ("defect" in prepared) return { commandIndex, defect: prepared.defect };
    ready.push(prepared);
    isTimed ||= prepared.ready.definition.time === "server";
    const reads = [...new Set(Object.values(prepared.ready.reads))];
    commands.push({
      ...seen(request.stream),
      reads: reads.map(seen),
      name: request.name,
      v: request.v,
      ...inputOf(request),
      events: [],
    });
  }
  const draft: Commit = { ...author, domain: domain.version, commands };
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
      defect: {
        ...invalidInput(`The commit has more than ${commitBytesMax} bytes. Put less into one commit.`),
        code: "too-large",
      },
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

/** Finds a state that storage would not return equal, before another commit depends on it. */
export function brokenState(
  steps: readonly FoldStep[],
): { readonly commandIndex: number; readonly defect: Defect } | null {
  const states = new Map(steps.map(({ event, after }) => [event.stream, after]));
  for (const [stream, state] of states) {
    const problem = findUnstorable(state);
    if (!problem) continue;
    const place = problem.path.length > 0 ? ` at ${problem.path.slice(0, 10).join(".")}` : "";
    const reason = `The state of ${stream}${place} ${problem.reason}`;
    const message = `${reason}. States are stored, so return plain JSON from evolve.`;
    return { commandIndex: 0, defect: { kind: "failed", code: "state-not-json", message } };
  }
  return null;
}

function countOf(given: unknown): number {
  return Array.isArray(given) ? given.length : 0;
}

function problemOf(request: CommandRequest): Defect | null {
  if (!isRequest(request))
    return invalidInput(
      "This value is not a command. Make one with the aggregate's handle, such as task.command.add(id, input).",
    );
  const stream = parseStream(request.stream);
  if (!stream.ok) return invalidInput(`The stream of ${request.name} is not valid: ${stream.problem.reason}`);
  const problem = request.input === undefined ? null : findJsonProblem(request.input);
  if (!problem) return null;
  const at = describePlace(problem.path);
  return { ...invalidInput(`The input of ${request.name} is not valid${at}: ${problem.reason}`), path: problem.path };
}

/** True if a value has the form of a command. Its schema has not checked the input. */
export function isRequest(given: unknown): given is CommandRequest {
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
  return input === undefined ? {} : { input: omitUndefined(input) };
}

function invalidInput(message: string): Defect {
  return { kind: "invalid", code: "invalid-input", message };
}
