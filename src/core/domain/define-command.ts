/**
 * The definition of a command, made from the options that an app wrote, with types erased.
 *
 * Guarantees (test: `aggregate.test.ts`):
 * - An app's functions are synchronous, because a commit is decided in one step without waiting.
 */
import { callApp, isRebase, rebase, requireDecision } from "./call-app.ts";
import type { StreamCommands } from "./command-types.ts";
import {
  type CommandDefinition,
  type CommandRequest,
  type ConflictPolicy,
  type MergeContext,
  READS_MAX,
} from "./definition.ts";
import type { Erased } from "./erased.ts";
import type { AnyAggregate } from "./handle-types.ts";
import type { Json } from "../values/json.ts";
import type { StreamName } from "../values/ids.ts";
import { refuseValue } from "../values/parsed.ts";
import { dropPromise } from "../values/promise.ts";
import { refuseDefinition } from "../values/refuse.ts";
import { parseWith, type Schema } from "./schema.ts";
import { requireWord, streamName } from "../values/names.ts";
import { requireJson, type Versioned, versionedBy } from "./upcast.ts";

/** The options of a command, with their types erased. */
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

/** Names that a read cannot have, because the context has them. */
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

const NO_READS: Readonly<Record<string, StreamName>> = {};

/** Checks the options of a command and returns its definition. */
export function defineCommand(
  aggregate: string,
  name: string,
  command: ErasedCommand,
  commandsOf: (stream: string) => StreamCommands<Record<string, Json>>,
): CommandDefinition {
  const label = `command ${aggregate}.${name}`;
  requireWord(label, name);
  if (typeof command !== "object" || command === null || typeof command.decide !== "function") {
    refuseDefinition(`The ${label} has no decide`, "Add decide: (state, input, { emit, reject }) => …");
  }
  const { input, reads, decide, onConflict = "rebase", undo, time = "author" } = command;
  const versioned = input === undefined ? null : versionedBy(`input of ${label}`, input);
  const decideLabel = `decide of ${label}`;
  requireReads(label, reads ?? {});
  requireChoice(label, "time", time, ["author", "server"]);
  if (typeof onConflict !== "function") requireChoice(label, "onConflict", onConflict, ["rebase", "keep", "reject"]);
  if (undo !== undefined && typeof undo !== "function")
    refuseDefinition(
      `The undo of ${label} is not a function`,
      "Write undo: ({ before, command }) => …, or leave it out.",
    );

  return {
    version: versioned?.version ?? 1,
    ...inputChecks(label, versioned),
    reads: reads ? (value) => readRefs(aggregate, reads, value) : () => NO_READS,
    decide: (state, value, context) =>
      requireDecision(
        decideLabel,
        callApp(decideLabel, context, (tools) => decide(state, value, tools)),
      ),
    onConflict: typeof onConflict === "function" ? mergePolicy(label, onConflict) : onConflict,
    time,
    undo: undo ? (facts) => undo({ ...facts, command: commandsOf(facts.stream) }) || null : null,
  };
}

/** Returns the other aggregates that a command reads. */
export function readTargets({ reads = {} }: ErasedCommand): readonly AnyAggregate[] {
  return Object.values(reads).flatMap(([target]) => (target === "self" ? [] : [target]));
}

/** Returns the checks of the input. A command without a schema accepts no input. */
function inputChecks(label: string, versioned: Versioned | null): Pick<CommandDefinition, "parse" | "upcast"> {
  if (!versioned) {
    return {
      parse: (value) =>
        value === undefined
          ? { ok: true, value }
          : refuseValue([], "must be left out, because the command takes no input"),
      upcast: (_v, value) => value,
    };
  }
  return {
    parse: (value) => parseWith(versioned.schema, value),
    upcast: (v, value) => {
      const upcast = versioned.upcast(v, value);
      return upcast === undefined ? undefined : requireJson(`input of ${label}`, upcast);
    },
  };
}

/** Returns the streams that a command reads for an input, by name. */
function readRefs(
  aggregate: string,
  reads: NonNullable<ErasedCommand["reads"]>,
  input: unknown,
): Readonly<Record<string, StreamName>> {
  const streams: Record<string, StreamName> = {};
  for (const [name, [target, id]] of Object.entries(reads)) {
    const found = id(input);
    dropPromise(found);
    streams[name] = streamName(target === "self" ? aggregate : target.definition.name, found);
  }
  return streams;
}

/** Returns the conflict policy of an app's merge function. */
function mergePolicy(label: string, onConflict: (conflict: object) => unknown): ConflictPolicy {
  const name = `onConflict of ${label}`;
  return (state: Json, input: unknown, { mine, theirs, ...context }: MergeContext) => {
    const result = callApp(name, context, (tools) => onConflict({ ...tools, state, input, mine, theirs, rebase }));
    return isRebase(result) ? result : requireDecision(name, result);
  };
}

function requireReads(label: string, reads: NonNullable<ErasedCommand["reads"]>): void {
  const entries = Object.entries(reads);
  if (typeof reads !== "object" || entries.length > READS_MAX) {
    refuseDefinition(
      typeof reads === "object"
        ? `The ${label} reads ${entries.length} streams, but at most ${READS_MAX} are allowed`
        : `The reads of ${label} are of type ${typeof reads}, not an object`,
      `Name up to ${READS_MAX} streams: reads: { target: [column, (input) => input.column] }`,
    );
  }
  for (const [name, read] of entries) {
    requireWord(`a read of ${label}`, name);
    const [target, id] = Array.isArray(read) ? read : [];
    const isKnown = target === "self" || typeof target?.definition?.name === "string";
    if (!isKnown || typeof id !== "function" || CONTEXT_NAMES.has(name)) {
      refuseDefinition(
        `The ${label} cannot read ${JSON.stringify(name)}: ${
          CONTEXT_NAMES.has(name)
            ? "decide has a field of that name already"
            : 'it is not an aggregate (or "self") with a function that returns an id'
        }`,
        "Write reads: { target: [column, (input) => input.column] } with a name of your own.",
      );
    }
  }
}

function requireChoice(label: string, field: string, value: unknown, choices: readonly string[]): void {
  if (choices.some((choice) => choice === value)) return;
  refuseDefinition(`The ${field} of ${label} is ${String(value)}`, `Use one of ${choices.join(", ")}.`);
}
