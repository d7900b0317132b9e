/**
 * Deciding one command: check its input, run `decide`, check its events. Device and server run the same code.
 *
 * Guarantees:
 * - The same command of the same commit on the same states returns the same events everywhere
 *   (test/unit/core/decide/reconcile-commit.forecast.test.ts).
 * - An error or a wrong result of an app's function becomes a defect (test/unit/core/decide/decide-command.test.ts).
 * - An error of Dacapo's own code is thrown (test/unit/sync-server/streams/stream-windows.test.ts).
 * - An app's function gets frozen values, also in production. A function that changes its state in place fails the
 *   first time it runs (test/unit/core/decide/reconcile-commit.functions.test.ts).
 */
import type { CommitCommand } from "../history/commit.ts";
import {
  type AggregateDefinition,
  type CommandDefinition,
  type DecideContext,
  type Decision,
  type DomainDefinition,
  isRejection,
  type Rejection,
} from "../domain/definition.ts";
import { describePlace, type Problem } from "../values/parsed.ts";
import { reasonOf, shortText } from "../values/reason.ts";
import type { Draft } from "../domain/event.ts";
import { derivedId, mergedId } from "../values/id.ts";
import { deepFreeze, findJsonProblem, type Json, omitUndefined } from "../values/json.ts";
import { aggregateOf } from "../values/names.ts";
import type { Actor, CommitId, StreamName } from "../values/ids.ts";

/** The reason why a command is rejected. `kind: "domain"`: the app chose `code`. Any other kind: Dacapo chose it. */
export type Defect = {
  readonly kind: "domain" | "invalid" | "unknown" | "unreadable" | "failed" | "conflict";
  readonly code: string;
  readonly message: string;
  readonly path?: readonly (string | number)[];
};

export type DecidedCommand = { readonly events: readonly Draft[] } | { readonly defect: Defect };

/** A command whose names are known and whose input is checked. */
export type ReadyCommand = {
  readonly aggregate: AggregateDefinition;
  readonly definition: CommandDefinition;
  readonly input: unknown;
  /** Key: the read's name in the context. Value: the stream. */
  readonly reads: Readonly<Record<string, string>>;
};

/** The length of a code on the wire, at most. */
const CODE_LENGTH_MAX = 128;

type Named = Pick<CommitCommand, "stream" | "name" | "v" | "input">;

/** A command that can be decided, or the reason why it cannot. */
export type PreparedCommand = { readonly ready: ReadyCommand } | { readonly defect: Defect };

/** Looks up a command, checks its input and computes which streams it reads. */
export function prepareCommand(domain: DomainDefinition, command: Named): PreparedCommand {
  const name = aggregateOf(command.stream);
  const aggregate = domain.aggregates.get(name);
  if (!aggregate)
    return defect("unknown", "unknown-aggregate", `There is no aggregate ${JSON.stringify(name)} in this domain`);
  const definition = aggregate.commands.get(command.name);
  if (!definition)
    return defect(
      "unknown",
      "unknown-command",
      `${name} has no command ${JSON.stringify(command.name)} in this domain`,
    );
  if (command.v > definition.version) {
    return defect(
      "unknown",
      "unknown-command",
      `This domain knows ${name}.${command.name} up to version ${definition.version}, not ${command.v}`,
    );
  }
  // Frozen, because a schema may hand on the very object that is part of the commit.
  const given = deepFreeze(command.input);
  try {
    const parsed = definition.parse(command.v < definition.version ? definition.upcast(command.v, given) : given);
    // The texts of a problem come from the app's schema too.
    if (!parsed.ok) return invalidValue("invalid-input", `The input of ${name}.${command.name}`, parsed.problem);
    const input = parsed.value;
    return { ready: { aggregate, definition, input, reads: definition.reads(input) } };
  } catch (error) {
    return failed(error);
  }
}

/** The facts that a command of a commit is decided on. */
export type DecideFacts = {
  readonly commitId: CommitId;
  readonly commandIndex: number;
  readonly stream: StreamName;
  readonly actor: Actor;
  readonly time: number;
  /** The state of the command's own stream, or of a stream that it reads. */
  readonly states: { readonly stateOf: (stream: StreamName) => Json };
  /** A merge function in the place of `decide`. Its new ids must differ from the ids in the events that it merges. */
  readonly merge: ((state: Json, context: DecideContext) => Decision) | null;
};

/** Runs `decide`, or the merge function in its place, on states that it cannot change. Then checks the events. */
export function decideCommand(command: ReadyCommand, facts: DecideFacts): DecidedCommand {
  const { stream, states, merge } = facts;
  const state = states.stateOf(stream);
  const context = decideContext(command, facts);
  let decision: Rejection | Draft[];
  try {
    // An app's `evolve` made the states. A state that cannot be frozen is the app's fault.
    deepFreeze(state);
    for (const read of Object.values(context.reads)) deepFreeze(read);
    decision = readDecision(merge ? merge(state, context) : command.definition.decide(state, command.input, context));
  } catch (error) {
    return failed(error);
  }
  if ("rejected" in decision) return rejected(decision);
  for (const [n, draft] of decision.entries()) {
    const checked = checkDraft(command.aggregate, stream, draft);
    if ("defect" in checked) return checked;
    decision[n] = checked;
  }
  return { events: decision };
}

/** Copies a decision. Only this copy is read outside of `try`, because a getter of the app's object may throw. */
function readDecision(decision: Decision): Rejection | Draft[] {
  if (isRejection(decision)) {
    return { rejected: true, code: String(decision.code), message: String(decision.message) };
  }
  const drafts = [...decision];
  for (const [n, { type, data }] of drafts.entries()) drafts[n] = { type, data };
  return drafts;
}

/** A rejection by the app. Its texts travel, so a character that was cut in two must not make them unreadable. */
function rejected({ code, message }: Rejection): { readonly defect: Defect } {
  return defect("domain", shortText(code, CODE_LENGTH_MAX), shortText(message));
}

function decideContext(command: ReadyCommand, facts: DecideFacts): DecideContext {
  const idOf = facts.merge ? mergedId : derivedId;
  let ids = 0;
  const reads: Record<string, Json> = {};
  for (const [name, stream] of Object.entries(command.reads)) reads[name] = facts.states.stateOf(stream);
  return {
    stream: facts.stream,
    actor: facts.actor,
    time: facts.time,
    id: () => idOf(facts.commitId, facts.commandIndex, ids++),
    reads,
  };
}

/** The schema's output is recorded, because its defaults and trims are part of the event. */
function checkDraft(
  aggregate: AggregateDefinition,
  stream: StreamName,
  { type, data }: Draft,
): Draft | { readonly defect: Defect } {
  const definition = aggregate.events.get(type);
  const refuse = (problem: Problem) => invalidValue("invalid-event", `Event ${type} of ${stream}`, problem);
  const problem = findJsonProblem(data);
  try {
    if (!definition) return refuse({ path: [], reason: `${aggregate.name} has no such event` });
    if (problem) return refuse(problem);
    // Before the schema sees them, because every other device and the server get the data from JSON.
    const parsed = definition.parse(omitUndefined(data));
    return parsed.ok ? { type, data: deepFreeze(parsed.value) } : refuse(parsed.problem);
  } catch (error) {
    return failed(error);
  }
}

function invalidValue(code: string, what: string, { path, reason }: Problem): { readonly defect: Defect } {
  const at = describePlace(path);
  return { defect: { kind: "invalid", code, message: shortText(`${what} is not valid${at}: ${reason}`), path } };
}

function defect(kind: Defect["kind"], code: string, message: string): { readonly defect: Defect } {
  return { defect: { kind, code, message } };
}

/**
 * The defect of a command whose function of the app threw an error.
 *
 * Only a call of the app's function belongs inside the `try`: an error of Dacapo's own code is a bug, and must not
 * reject a person's commit as if the command had failed.
 */
export function failed(error: unknown): { readonly defect: Defect } {
  return defect("failed", "command-failed", reasonOf(error));
}
