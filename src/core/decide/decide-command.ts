/**
 * Deciding one command: input checked, `decide` run, its events checked.
 *
 * Place: the device runs it to know what to expect, the server to know what becomes true.
 * Holds: the same command of the same commit on the same states with the same domain gives the same events everywhere;
 * nothing that an app's function throws or returns gets past here but as a defect; what it is given, and the events that it gave,
 * are frozen, in development and in production alike: a function that changes its state in place fails the first time it is used.
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
import { findJsonProblem, deepFreeze, type Json } from "../values/json.ts";
import { aggregateOf } from "../values/names.ts";

/** Why a command gives no events. `kind` tells whose word `code` is. */
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
  /** Stream names by the name under which `decide` sees their state. */
  readonly reads: Readonly<Record<string, string>>;
};

/** As long as the wire allows. */
const CODE_LENGTH_MAX = 128;

type Named = Pick<CommitCommand, "stream" | "name" | "v" | "input">;

/** Looks up a command and checks its input. */
export function prepareCommand(
  domain: DomainDefinition,
  command: Named,
): { readonly ready: ReadyCommand } | { readonly defect: Defect } {
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
      `${name}.${command.name} is known up to version ${definition.version}, not ${command.v}`,
    );
  }
  // It is part of the commit, and may be what `decide` is given.
  const input = deepFreeze(command.input);
  return attempt(() => {
    const parsed = definition.parse(command.v < definition.version ? definition.upcast(command.v, input) : input);
    if (!parsed.ok) return invalid("invalid-input", `The input of ${name}.${command.name}`, parsed.problem);
    const reads: Record<string, string> = {};
    for (const [key, ref] of Object.entries(definition.reads(parsed.value))) reads[key] = ref.stream;
    return { ready: { aggregate, definition, input: parsed.value, reads } };
  });
}

/** What a command of a commit is decided on. */
export type DecideFacts = {
  readonly commit: string;
  readonly commandIndex: number;
  readonly stream: string;
  readonly actor: string;
  readonly time: number;
  /** The state of the command's own stream, or of one that it reads. */
  readonly states: (stream: string) => Json;
  /** True where a policy merges events that were decided before: its new ids must be others than theirs. */
  readonly merging: boolean;
};

/** Runs `decide`, or whatever a policy puts in its place, on states that it cannot change, and checks what comes out. */
export function decideCommand(
  command: ReadyCommand,
  facts: DecideFacts,
  run: (state: Json, context: DecideContext) => Decision,
): DecidedCommand {
  return attempt(() => {
    const decision = run(deepFreeze(facts.states(facts.stream)), decideContext(command, facts));
    if (isRejection(decision)) return rejected(decision);
    const events: Draft[] = [];
    for (const { type, data } of decision) {
      const checked = checkDraft(command.aggregate, { type, data });
      if (!checked.ok) return invalid("invalid-event", `Event ${type} of ${facts.stream}`, checked.problem);
      // The schema's output: its defaults and trims are part of the fact.
      events.push({ type, data: deepFreeze(checked.value) });
    }
    return { events };
  });
}

/** The app's own words. They travel: a title cut in the middle of an emoji must not make an answer unreadable. */
function rejected({ code, message }: Rejection): { readonly defect: Defect } {
  return defect("domain", shortText(String(code), CODE_LENGTH_MAX), shortText(String(message)));
}

function decideContext(command: ReadyCommand, facts: DecideFacts): DecideContext {
  const idOf = facts.merging ? mergedId : derivedId;
  let ids = 0;
  const reads: Record<string, Json> = {};
  for (const [key, stream] of Object.entries(command.reads)) reads[key] = deepFreeze(facts.states(stream));
  return {
    stream: facts.stream,
    actor: facts.actor,
    time: facts.time,
    id: () => idOf(facts.commit, facts.commandIndex, ids++),
    reads,
  };
}

function checkDraft(aggregate: AggregateDefinition, draft: Draft): Parsed<Json> {
  const definition = aggregate.events.get(draft.type);
  if (!definition) return { ok: false, problem: { path: [], reason: `${aggregate.name} has no such event` } };
  const problem = findJsonProblem(draft.data);
  return problem ? { ok: false, problem } : definition.parse(draft.data);
}

function invalid(code: string, what: string, { path, reason }: Problem): { readonly defect: Defect } {
  const at = describePlace(path);
  return { defect: { kind: "invalid", code, message: shortText(`${what} is not valid${at}: ${reason}`), path } };
}

function defect(kind: Defect["kind"], code: string, message: string): { readonly defect: Defect } {
  return { defect: { kind, code, message } };
}

function attempt<T>(run: () => T): T | { readonly defect: Defect } {
  try {
    return run();
  } catch (error) {
    return defect("failed", "command-failed", reasonOf(error));
  }
}
