/**
 * Makes a command's definition of what an app wrote: types erased, everything that comes in or out checked.
 *
 * Place: `aggregate` → here → decide and reconcile, which know only the definition.
 * Holds: what an app's function gives is one of the known shapes, or an error that names the function. Nothing here is
 * asynchronous: a command is decided again on other devices and must give the same.
 */
import type { StreamCommands } from "./command-types.ts";
import { READS_MAX } from "./definition.ts";
import type {
  CommandDefinition,
  CommandRequest,
  ConflictPolicy,
  DecideContext,
  Decision,
  MergeContext,
  Rebase,
  Rejection,
  StreamRef,
} from "./definition.ts";
import type { Erased } from "./erased.ts";
import type { Draft } from "./event.ts";
import type { AnyAggregate } from "./handle-types.ts";
import type { Json } from "../values/json.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { parseWith, type Schema } from "./schema.ts";
import { requireWord, streamName } from "../values/names.ts";
import { requireJson, type Versioned, versionedBy } from "./upcast.ts";

/** A command with its types erased. */
export type ErasedCommand = {
  readonly input?: Schema;
  readonly reads?: {
    readonly [name: string]: readonly [target: AnyAggregate | "self", id: (input: unknown) => string];
  };
  readonly decide: Erased<[state: Json, input: unknown, context: object], unknown>;
  readonly onConflict?: "rebase" | "keep" | "reject" | Erased<[conflict: object], unknown>;
  readonly undo?: Erased<[facts: object], CommandRequest | null | undefined | false>;
  readonly time?: "author" | "server";
};

/** What the contexts hold already: no read can have one of these names. */
const CONTEXT_NAMES: ReadonlySet<string> = new Set([
  "emit",
  "reject",
  "id",
  "actor",
  "time",
  "stream",
  "state",
  "input",
  "mine",
  "theirs",
  "rebase",
]);

/** Checks a command as an app wrote it and erases its types. */
export function defineCommand(
  aggregate: string,
  name: string,
  command: ErasedCommand,
  commandsOf: (stream: string) => StreamCommands<Record<string, Json>>,
): CommandDefinition {
  const what = `command ${aggregate}.${name}`;
  requireWord(what, name);
  if (typeof command !== "object" || command === null || typeof command.decide !== "function") {
    refuseDefinition(`${what} has no decide`, "Give it decide: (state, input, { emit, reject }) => …");
  }
  const { input, reads, decide, onConflict = "rebase", undo, time = "author" } = command;
  const versioned = input === undefined ? null : versionedBy(`the input of ${what}`, input);
  requireReads(what, reads ?? {});
  requireChoice(what, "time", time, ["author", "server"]);
  if (typeof onConflict !== "function") requireChoice(what, "onConflict", onConflict, ["rebase", "keep", "reject"]);
  if (undo !== undefined && typeof undo !== "function")
    refuseDefinition(`The undo of ${what} is not a function`, "Give a function or leave it out.");

  return {
    version: versioned?.version ?? 1,
    ...inputCheck(what, versioned),
    reads: (value) => readsOf(aggregate, reads ?? {}, value),
    decide: (state, value, context) => decisionOf(`decide of ${what}`, decide(state, value, contextOf(context))),
    onConflict: typeof onConflict === "function" ? mergeBy(what, onConflict) : onConflict,
    time,
    undo: undo ? (facts) => undo({ ...facts, command: commandsOf(facts.stream) }) || null : null,
  };
}

/** The other aggregates that a command reads. */
export function readTargets({ reads = {} }: ErasedCommand): readonly AnyAggregate[] {
  return Object.values(reads).flatMap(([target]) => (target === "self" ? [] : [target]));
}

function inputCheck(what: string, versioned: Versioned | null): Pick<CommandDefinition, "parse" | "upcast"> {
  if (!versioned) {
    return {
      parse: (value) =>
        value === undefined
          ? { ok: true, value }
          : { ok: false, problem: { path: [], reason: "was given, but the command takes no input" } },
      upcast: (_v, value) => value,
    };
  }
  return {
    parse: (value) => parseWith(versioned.schema, value),
    upcast: (v, value) => {
      const upcast = versioned.upcast(v, value);
      return upcast === undefined ? undefined : requireJson(`the input of ${what}`, upcast);
    },
  };
}

function readsOf(
  aggregate: string,
  reads: NonNullable<ErasedCommand["reads"]>,
  input: unknown,
): Readonly<Record<string, StreamRef>> {
  const refs: Record<string, StreamRef> = {};
  for (const [name, [target, id]] of Object.entries(reads)) {
    refs[name] = { stream: streamName(target === "self" ? aggregate : target.definition.name, id(input)) };
  }
  return refs;
}

function contextOf({ reads, ...context }: DecideContext): object {
  return { ...reads, ...context, emit, reject };
}

function mergeBy(what: string, onConflict: (conflict: object) => unknown): ConflictPolicy {
  return (state: Json, input: unknown, { mine, theirs, ...context }: MergeContext) => {
    const given = onConflict({ ...contextOf(context), state, input, mine, theirs, rebase });
    return isRebase(given) ? given : decisionOf(`onConflict of ${what}`, given);
  };
}

function emit(type: string, data: Json = {}): Draft {
  return { type, data };
}

function reject(code: string, message: string = code): Rejection {
  return { rejected: true, code, message };
}

function rebase(): Rebase {
  return { rebase: true };
}

function isRebase(given: unknown): given is Rebase {
  return typeof given === "object" && given !== null && "rebase" in given && given.rebase === true;
}

function isRejected(given: unknown): given is Rejection {
  return (
    typeof given === "object" &&
    given !== null &&
    "rejected" in given &&
    given.rejected === true &&
    "code" in given &&
    typeof given.code === "string"
  );
}

function isDraft(given: unknown): given is Draft {
  return (
    typeof given === "object" && given !== null && "type" in given && typeof given.type === "string" && "data" in given
  );
}

function decisionOf(what: string, given: unknown): Decision {
  if (isRejected(given)) return given;
  const drafts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (drafts.every(isDraft)) return drafts;
  const wrong = drafts.find((one) => !isDraft(one));
  refuseDefinition(
    `The ${what} gave ${describe(wrong)}`,
    "Give emit(type, data), an array of such, [] for nothing, or reject(code). It cannot be async.",
  );
}

function describe(value: unknown): string {
  if (typeof value === "object" && value !== null) return "then" in value ? "a promise" : "an object that is no event";
  return String(value);
}

function requireReads(what: string, reads: NonNullable<ErasedCommand["reads"]>): void {
  const entries = Object.entries(reads);
  if (typeof reads !== "object" || entries.length > READS_MAX) {
    refuseDefinition(
      `${what} reads ${typeof reads === "object" ? entries.length : "what is not an object"}`,
      `Name up to ${READS_MAX} streams: reads: { target: [column, (input) => input.column] }`,
    );
  }
  for (const [name, read] of entries) {
    requireWord(`what ${what} reads`, name);
    const [target, id] = Array.isArray(read) ? read : [];
    const known = target === "self" || typeof target?.definition?.name === "string";
    if (!known || typeof id !== "function" || CONTEXT_NAMES.has(name)) {
      refuseDefinition(
        `${what} cannot read ${JSON.stringify(name)}: ${CONTEXT_NAMES.has(name) ? "decide has something else of that name" : 'it is not an aggregate (or "self") and a function that gives an id'}`,
        "Write reads: { target: [column, (input) => input.column] } with a name of its own.",
      );
    }
  }
}

function requireChoice(what: string, field: string, given: unknown, choices: readonly string[]): void {
  if (choices.some((choice) => choice === given)) return;
  refuseDefinition(`${field} of ${what} is ${String(given)}`, `Choose one of ${choices.join(", ")}.`);
}
