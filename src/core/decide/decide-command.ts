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
import type {
  AggregateDefinition,
  CommandDefinition,
  DecideContext,
  Decision,
  DomainDefinition,
  Rejection,
} from "../domain/definition.ts";
import { describePlace, type Parsed, type Problem } from "../values/parsed.ts";
import { isRejection } from "../domain/definition.ts";
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
  const input = deepFreeze(command.input);
  const parsed = callApp(() => {
    const result = definition.parse(command.v < definition.version ? definition.upcast(command.v, input) : input);
    // The texts of a problem come from the app's schema too.
    return result.ok ? result : invalid("invalid-input", `The input of ${name}.${command.name}`, result.problem);
  });
  if ("defect" in parsed) return parsed;
  if ("defect" in parsed.value) return parsed.value;
  const { value } = parsed.value;
  const refs = callApp(() => definition.reads(value));
  if ("defect" in refs) return refs;
  const reads: Record<string, string> = {};
  for (const [key, ref] of Object.entries(refs.value)) reads[key] = ref.stream;
  return { ready: { aggregate, definition, input: value, reads } };
}

/** The facts that a command of a commit is decided on. */
export type DecideFacts = {
  readonly commitId: CommitId;
  readonly commandIndex: number;
  readonly stream: StreamName;
  readonly actor: Actor;
  readonly time: number;
  /** The state of the command's own stream, or of a stream that it reads. */
  readonly states: (stream: StreamName) => Json;
  /** True for a merge function. Its new ids must differ from the ids in the events that it merges. */
  readonly merging: boolean;
};

/** Runs `decide`, or the merge function in its place, on states that it cannot change. Then checks the events. */
export function decideCommand(
  command: ReadyCommand,
  facts: DecideFacts,
  run: (state: Json, context: DecideContext) => Decision,
): DecidedCommand {
  const state = facts.states(facts.stream);
  const context = decideContext(command, facts);
  const decision = callApp(() => {
    // An app's `evolve` made the states. A state that cannot be frozen is the app's fault.
    deepFreeze(state);
    for (const read of Object.values(context.reads)) deepFreeze(read);
    return readDecision(run(state, context));
  });
  if ("defect" in decision) return decision;
  if ("rejected" in decision.value) return rejected(decision.value);
  const events: Draft[] = [];
  for (const draft of decision.value) {
    const checked = checkDraft(command.aggregate, draft);
    if ("defect" in checked) return checked;
    if (!checked.value.ok) {
      const { problem } = checked.value;
      const refused = callApp(() => invalid("invalid-event", `Event ${draft.type} of ${facts.stream}`, problem));
      return "defect" in refused ? refused : refused.value;
    }
    // The schema's output is recorded, because its defaults and trims are part of the event.
    events.push({ type: draft.type, data: checked.value.value });
  }
  return { events };
}

/** Copies a decision. Only this copy is read outside `callApp`, because a getter of the app's object may throw. */
function readDecision(decision: Decision): Decision {
  if (isRejection(decision)) {
    return { rejected: true, code: String(decision.code), message: String(decision.message) };
  }
  const drafts: Draft[] = [];
  for (const { type, data } of decision) drafts.push({ type, data });
  return drafts;
}

/** A rejection by the app. Its texts travel, so a character that was cut in two must not make them unreadable. */
function rejected({ code, message }: Rejection): { readonly defect: Defect } {
  return defect("domain", shortText(code, CODE_LENGTH_MAX), shortText(message));
}

function decideContext(command: ReadyCommand, facts: DecideFacts): DecideContext {
  const idOf = facts.merging ? mergedId : derivedId;
  let ids = 0;
  const reads: Record<string, Json> = {};
  for (const [key, stream] of Object.entries(command.reads)) reads[key] = facts.states(stream);
  return {
    stream: facts.stream,
    actor: facts.actor,
    time: facts.time,
    id: () => idOf(facts.commitId, facts.commandIndex, ids++),
    reads,
  };
}

function checkDraft(aggregate: AggregateDefinition, { type, data }: Draft): AppResult<Parsed<Json>> {
  const definition = aggregate.events.get(type);
  if (!definition)
    return { value: { ok: false, problem: { path: [], reason: `${aggregate.name} has no such event` } } };
  const problem = findJsonProblem(data);
  if (problem) return { value: { ok: false, problem } };
  return callApp(() => {
    // Before the schema sees them, because every other device and the server get the data from JSON.
    const parsed = definition.parse(omitUndefined(data));
    if (parsed.ok) deepFreeze(parsed.value);
    return parsed;
  });
}

function invalid(code: string, what: string, { path, reason }: Problem): { readonly defect: Defect } {
  const at = describePlace(path);
  return { defect: { kind: "invalid", code, message: shortText(`${what} is not valid${at}: ${reason}`), path } };
}

function defect(kind: Defect["kind"], code: string, message: string): { readonly defect: Defect } {
  return { defect: { kind, code, message } };
}

/** The result of an app's function, or the defect of the command whose function threw. */
export type AppResult<T> = { readonly value: T } | { readonly defect: Defect };

/**
 * Calls a function of the app. An error of it becomes a defect of the command.
 *
 * Only the app's function belongs inside `run`: an error of Dacapo's own code is a bug, and must not reject a person's
 * commit as if the command had failed.
 */
export function callApp<T>(run: () => T): AppResult<T> {
  try {
    return { value: run() };
  } catch (error) {
    return defect("failed", "command-failed", reasonOf(error));
  }
}
