/**
 * Group commit: commands that wait together are decided in turn and appended in one transaction.
 *
 * Guarantees:
 * - Each command is decided on the result of the commands before it.
 * - One commit replaces a rejection, however often it is retried, here and in other tabs
 *   (test "execute: a rejection is replaced once, in one group of calls and by two tabs").
 * - If the append fails or another tab was first, memory is as it was before.
 *
 * Why the store pulls the commits: `appendPending` walks through an iterable inside its transaction, and each step
 * calls `proposeCommit`. When the store must read its tail, it sends that read first, and the commands are decided
 * while the browser reads. So deciding adds no time to the write that a person waits for.
 * docs/decisions/an-append-needs-no-look.md has the measurements.
 */
import { tick } from "../../core/values/clock.ts";
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import { BugError, type DacapoError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";
import { uuidv7, UUID_RANDOM_BYTES } from "../../core/values/id.ts";
import type { Json } from "../../core/values/json.ts";
import { proposeCommit } from "../../core/decide/propose-commit.ts";
import { defectError } from "./defect-error.ts";
import type { Env } from "../env/env.ts";
import type { LocalLog } from "./local-log.ts";
import type { PendingEntry, RejectionEntry } from "../stores/log-store.ts";
import { unknownCommit } from "./settled-waiters.ts";
import type { Actor, CommitId } from "../../core/values/ids.ts";

/** How a commit relates to earlier ones: it replaces a rejection, undoes a commit, or redoes one. */
export type CommitLinks = {
  readonly endRejection: string | null;
  readonly undoes: string | null;
  readonly redoes: string | null;
  /** True: events of other authors that this device does not know yet reject the commit. */
  readonly isGuarded?: boolean;
};

export const NO_LINKS: CommitLinks = { endRejection: null, undoes: null, redoes: null };

/** A call of `execute` that waits for its turn. */
export type Waiting = {
  readonly requests: readonly CommandRequest[];
  readonly meta: Json;
  readonly links: CommitLinks;
  readonly resolve: (commitId: CommitId) => void;
  readonly reject: (error: DacapoError) => void;
};

export type DecidedGroup = {
  readonly made: { readonly entry: PendingEntry; readonly waiting: Waiting }[];
  readonly refused: { readonly error: DacapoError; readonly waiting: Waiting }[];
};

export type GroupFacts = {
  readonly domain: DomainDefinition;
  readonly env: Env;
  readonly user: Actor;
  /** The device's hybrid logical clock. */
  readonly clock: { last: number };
};

/** Decides the group and makes it durable. Returns `moved` when another tab appended first. */
export async function appendGroup(
  local: LocalLog,
  group: readonly Waiting[],
  facts: GroupFacts,
): Promise<DecidedGroup | "moved"> {
  const decided: DecidedGroup = { made: [], refused: [] };
  const endRejections: Iterable<string> = { [Symbol.iterator]: () => replacedRejections(decided) };
  let appended = false;
  try {
    const entries = decideOnce(local, group, facts, decided);
    appended = await local.store.appendPending(local.head.pendingTail, entries, endRejections);
  } finally {
    if (appended) local.keepUnwritten(endRejections);
    else local.undoUnwritten(facts.env.now());
  }
  return appended ? decided : "moved";
}

/**
 * Decides at the first walk and returns the same entries at each later one, because a store may walk again to compare.
 */
function decideOnce(
  local: LocalLog,
  group: readonly Waiting[],
  facts: GroupFacts,
  decided: DecidedGroup,
): Iterable<PendingEntry> {
  let hasBegun = false;
  return {
    *[Symbol.iterator]() {
      if (hasBegun) yield* decided.made.map(({ entry }) => entry);
      else {
        hasBegun = true;
        yield* decideInTurn(local, group, facts, decided);
      }
    },
  };
}

/** Decides each command and adds the result to memory, so that the next command is decided on it. */
function* decideInTurn(
  local: LocalLog,
  group: readonly Waiting[],
  { domain, env, user, clock }: GroupFacts,
  { made, refused }: DecidedGroup,
): Generator<PendingEntry> {
  for (const waiting of group) {
    const { endRejection, undoes, redoes } = waiting.links;
    const isSame = ({ commit }: RejectionEntry) => commit.id === endRejection;
    const isReplaced = made.some(({ waiting: { links } }) => links.endRejection === endRejection);
    // A second click replaces nothing. Without this check it would execute the commands again.
    if (endRejection !== null && (isReplaced || !local.rejections.some(isSame))) {
      refused.push({ waiting, error: unknownCommit(endRejection) });
      continue;
    }
    const now = env.now();
    clock.last = tick(clock.last, now);
    const author = {
      id: uuidv7(now, env.randomBytes(UUID_RANDOM_BYTES)),
      client: local.head.client,
      actor: user,
      time: clock.last,
      meta: waiting.meta,
      ...(waiting.links.isGuarded === true && { onConflict: "reject" as const }),
    };
    const proposed = orBug(() => proposeCommit(domain, local.replica, waiting.requests, author));
    if (proposed instanceof BugError) {
      refused.push({ waiting, error: proposed });
      continue;
    }
    if ("defect" in proposed) {
      refused.push({ waiting, error: defectError(proposed.defect, waiting.requests[proposed.commandIndex]) });
      continue;
    }
    const undo = { inverse: proposed.inverse, undoes, redoes };
    const entry = orBug(() => local.appendUnwritten(proposed.commit, undo, now, proposed.decided));
    if (entry instanceof BugError) {
      refused.push({ waiting, error: entry });
      continue;
    }
    made.push({ entry, waiting });
    yield entry;
  }
}

/** Runs a step of the core. The core catches what an app's functions throw, so an error here is a bug of Dacapo. */
function orBug<T>(run: () => T): T | BugError {
  try {
    return run();
  } catch (error) {
    return bugOf("A commit could not be decided", error);
  }
}

/** The error for a failure of Dacapo itself, which keeps what was thrown. */
export function bugOf(what: string, error: unknown): BugError {
  const bug = new BugError(`${what}: ${reasonOf(error)}`);
  bug.cause = error;
  return bug;
}

/**
 * The rejections that the commits replace. Read after all commands were decided, because a refused command replaces
 * none.
 */
function* replacedRejections({ made }: DecidedGroup): Generator<string> {
  for (const { waiting } of made) if (waiting.links.endRejection !== null) yield waiting.links.endRejection;
}

/** Settles the call of each command. */
export function answerGroup({ made, refused }: DecidedGroup): void {
  for (const { entry, waiting } of made) waiting.resolve(entry.commit.id);
  for (const { error, waiting } of refused) waiting.reject(error);
}
