/**
 * Executes commands of the server's own code, through the writer queue of the log.
 *
 * Guarantees (server-log.test.ts):
 * - The commands are decided on the current states, in order with the pushes of devices. So they have no conflict.
 * - A repeated id has one outcome, as for a device (P4).
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";
import { causeOf, correlationOf, pickCause } from "../../core/history/cause.ts";
import type { Commit } from "../../core/history/commit.ts";
import { isRequest } from "../../core/decide/propose-commit.ts";
import { COMMANDS_MAX } from "../../core/history/limits.ts";
import { decodeCursor, eventsOf, positionOf } from "../../core/history/record.ts";
import type { Outcome, RejectedOutcome } from "../../core/wire/messages.ts";
import { parseCommit } from "../../core/wire/read-messages.ts";
import { byteLength } from "../../core/values/byte-length.ts";
import { BugError, ConcurrencyError, DacapoError, RejectedError, StorageFullError } from "../../core/values/errors.ts";
import { uuidv7, UUID_RANDOM_BYTES } from "../../core/values/id.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import { type JsonInput, omitUndefined, parseOwnJson } from "../../core/values/json.ts";
import { describeProblem } from "../../core/values/parsed.ts";
import type { LogName } from "../../core/values/ids.ts";
import { isPrincipal, type Principal } from "../access/authorize.ts";
import { invalid, requireCallOptions, shown } from "../base/check-arguments.ts";
import type { Env } from "../base/env.ts";
import type { Observer } from "../base/observer.ts";
import type { Executed } from "../base/executed.ts";
import { undecided } from "../base/undecided.ts";
import type { EventStore, StoredRecord } from "../stores/event-store.ts";
import { recordIn } from "../stores/stored-record.ts";
import type { PushResult, RefusedCode } from "../writer/admit-push.ts";
import type { LogWriter } from "../writer/log-writer.ts";
import { lastVersion } from "../streams/read-stream.ts";
import { versionAt } from "../streams/version-at.ts";
import { gone } from "../base/gone.ts";
import { laterRelease, notNow } from "./log-errors.ts";

/** The author of the commands, and the state that they expect. */
export type ExecuteOptions = {
  /**
   * The verified name of the author. No right is requested for it.
   *
   * @default "server"
   */
  readonly actor?: string;
  /** The author, if there is no `actor`. `permit` is called for each command, as for a device of this principal. */
  readonly as?: Principal;
  /**
   * The version that the stream of the first command must have. `none` means 0, and `any` means every version.
   *
   * @default "any"
   */
  readonly expectedVersion?: number | "none" | "any";
  /**
   * The id of the commit, a UUID in lower case. A second call with the same id and author records nothing, and returns
   * the first outcome.
   *
   * @default a new random id
   */
  readonly id?: string;
  /** The app's own notes. Each event has them. @default null */
  readonly meta?: JsonInput;
  /**
   * The event that caused the commands, maybe of another log. The new events have its id as `causedBy`, and its
   * `correlation`.
   *
   * @default no cause: the commit begins a chain
   */
  readonly causedBy?: Pick<DomainEvent, "id" | "correlation">;
};

const OPTIONS: OptionNames<ExecuteOptions> = {
  actor: true,
  as: true,
  expectedVersion: true,
  id: true,
  meta: true,
  causedBy: true,
};

export type ExecuteContext = {
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly writer: LogWriter;
  readonly env: Env;
  readonly observer: Observer;
  /** The client id of this server's own commits, a UUID. */
  readonly client: () => string;
};

const WHAT = "The commands cannot be executed";

export async function execute(
  context: ExecuteContext,
  log: LogName,
  requests: readonly CommandRequest[],
  options: ExecuteOptions,
): Promise<Executed> {
  const { domain, writer, observer } = context;
  const problem = problemOf(requests, requireCallOptions(WHAT, "execute", options, OPTIONS));
  if (problem !== null) throw invalid(WHAT, problem);
  const principal = options.as ?? { actor: options.actor ?? "server" };
  if (!isPrincipal(principal)) throw invalid(WHAT, "the actor is not 1 to 128 characters");
  const commit = commitOf(context, principal.actor, requests, options);
  const [first] = commit.commands;
  if (!first) throw invalid(WHAT, `there are not 1 to ${COMMANDS_MAX}`);
  const expected = expectedOf(options.expectedVersion);
  const facts = { log, correlation: correlationOf({ ...pickCause(commit), commit: commit.id }) };
  return observer.run("execute", [], facts, async (step) => {
    const result = await writer.push(log, {
      principal,
      after: null,
      domain: domain.version,
      isTrusted: options.as === undefined,
      commits: [
        { id: commit.id, commit, onCurrent: expected === null ? {} : { stream: first.stream, version: expected } },
      ],
      bytes: byteLength(JSON.stringify(commit)),
      step,
    });
    return executedOf(context, log, commit, result, expected);
  });
}

/** Programs without types may pass anything. */
function problemOf(requests: readonly unknown[], options: ExecuteOptions): string | null {
  if (!requests.every(isRequest))
    return "a value is not a command. Make one with its aggregate, such as task.command.add";
  if (options.as !== undefined && options.actor !== undefined) return "`as` and `actor` name two authors. Pass one";
  const { causedBy } = options;
  const isCause = typeof causedBy?.id === "string" && typeof causedBy.correlation === "string";
  return causedBy === undefined || isCause ? null : "`causedBy` is not an event";
}

function commitOf(
  { domain, env, client }: ExecuteContext,
  actor: string,
  requests: readonly CommandRequest[],
  { id = uuidv7(env.now(), env.randomBytes(UUID_RANDOM_BYTES)), meta = null, causedBy }: ExecuteOptions,
): Commit {
  const parsed = parseCommit({
    id,
    client: client(),
    actor,
    time: env.now(),
    meta: omitUndefined(meta),
    ...(causedBy && causeOf(causedBy)),
    domain: domain.version,
    commands: undecided(requests),
  });
  if (parsed.ok) return parsed.value;
  throw invalid(WHAT, describeProblem(parsed.problem));
}

function expectedOf(expected: ExecuteOptions["expectedVersion"] = "any"): number | null {
  if (expected === "any") return null;
  if (expected === "none") return 0;
  if (Number.isSafeInteger(expected) && expected >= 0) return expected;
  throw invalid(WHAT, `expectedVersion is ${shown(expected)}, which is not a version`);
}

async function executedOf(
  context: ExecuteContext,
  log: LogName,
  commit: Commit,
  result: PushResult,
  expected: number | null,
): Promise<Executed> {
  if (result.kind === "refused") throw refusal(log, result.code);
  const { id, commands } = commit;
  const { outcomes, stopped, appended } = result;
  const stream = commands[0]?.stream ?? "";
  if (stopped?.code === "other-version")
    throw new ConcurrencyError({
      message: `The stream ${stream} of the log ${log} has version ${stopped.version}, not ${expected} as expected`,
      fix: "Load the stream, decide again, and pass its version.",
      details: { log, stream, version: stopped.version ?? 0 },
    });
  if (stopped?.code === "later") throw laterRelease(log, stream);
  const [text] = outcomes;
  if (text === undefined) throw new BugError(`The server failed to decide commit ${id}`, { commit: id, log });
  const outcome = parseOwnJson<Exclude<Outcome, { outcome: "recorded" }> | { outcome: "recorded"; at: string }>(text);
  if (outcome.outcome === "rejected") throw rejected(commands, outcome);
  if (outcome.outcome === "empty") return { outcome: "empty", id, at: null, events: [] };
  const stored =
    appended.records.find((record) => record.commit === id) ?? (await findRecord(context, log, commit, outcome.at));
  return { outcome: "recorded", id, at: outcome.at, events: stored ? eventsIn(context.domain, log, stored) : [] };
}

function eventsIn(domain: DomainDefinition, log: LogName, stored: StoredRecord): readonly DomainEvent[] {
  const record = recordIn(log, stored);
  return record.events.flatMap((_, n) => eventsOf(domain, record, n));
}

/** The record of a commit that was executed before, found by its position in a stream of its commands. */
async function findRecord(
  { store, env }: ExecuteContext,
  log: LogName,
  { id, commands }: Commit,
  at: string,
): Promise<StoredRecord | null> {
  const position = positionOf(decodeCursor(at));
  for (const stream of new Set(commands.map((command) => command.stream))) {
    let from = await versionAt(store, log, stream, position - 1);
    // The record before the position may come first.
    for (let read = 0; read < 2; read++) {
      const [record] = await store.readStream(log, stream, from, { events: 1, bytes: 1 });
      if (record?.commit === id) return record;
      if (record) from = lastVersion(record, stream);
    }
    await env.nextTurn();
  }
  return null;
}

function rejected(commands: Commit["commands"], { command, code, message, path }: RejectedOutcome): RejectedError {
  const refused = commands[command];
  return new RejectedError({
    message: refused ? `${refused.name} on ${refused.stream}: ${message}` : message,
    fix:
      code === "command-failed"
        ? "Fix the function of the command that threw or returned something else than events and rejections."
        : "details.code is the reason. Load the state, and execute another command.",
    details: { code, reason: message, command, ...(path && { path }) },
  });
}

function refusal(log: LogName, code: RefusedCode): DacapoError {
  const details = { log };
  switch (code) {
    case "gone":
      return gone(log);
    case "storage-full":
      return new StorageFullError({
        message: `The storage of the log ${log} is full`,
        fix: "Free some space, then try again.",
        details,
      });
    case "overloaded":
      return new DacapoError("overloaded", "later", {
        message: `Too many commits wait for the log ${log}`,
        fix: "Try again later.",
        details,
      });
    case "restarting":
      return notNow(log, "the server is closing");
    case "diverged":
    case "unavailable":
      return notNow(
        log,
        "its store or `permit` failed, a strong model is not ready yet, or another node was faster each time",
      );
  }
}
