/**
 * Group commit: commands that wait together are decided in turn and appended in one transaction.
 *
 * Place: one step of the engine. Decide (here, in memory), append (the store), answer.
 * Holds: each command is decided on what those before it left; where the append fails or the tail has moved, memory is as it was before.
 */
import { tick } from "../../core/values/clock.ts";
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import { BugError, type DacapoError, reasonOf } from "../../core/values/errors.ts";
import { uuidv7, UUID_RANDOM_BYTES } from "../../core/values/id.ts";
import type { Json } from "../../core/values/json.ts";
import { proposeCommit } from "../../core/decide/propose-commit.ts";
import { defectError } from "./defect-error.ts";
import type { Env } from "../env/env.ts";
import { addEntry, type LocalLog } from "./local-log.ts";
import type { PendingEntry } from "../stores/log-store.ts";

/** How a commit stands to earlier ones: it takes the place of a rejection, takes one back, or brings one back. */
export type CommitLinks = {
  readonly endRejection: string | null;
  readonly undoes: string | null;
  readonly redoes: string | null;
};

export const NO_LINKS: CommitLinks = { endRejection: null, undoes: null, redoes: null };

/** A call of `execute` that waits for its turn. */
export type Waiting = {
  readonly requests: readonly CommandRequest[];
  readonly meta: Json;
  readonly links: CommitLinks;
  readonly resolve: (commit: string) => void;
  readonly reject: (error: DacapoError) => void;
};

export type DecidedGroup = {
  readonly made: { readonly entry: PendingEntry; readonly waiting: Waiting }[];
  readonly refused: { readonly error: DacapoError; readonly waiting: Waiting }[];
};

export type GroupFacts = {
  readonly domain: DomainDefinition;
  readonly env: Env;
  readonly user: string;
  /** The device's hybrid logical clock. */
  readonly clock: { last: number };
};

/**
 * Decides what waits and makes it durable. Null, where another tab appended first, or an error of the store: memory is as it was
 * before. The store asks for the commits one by one while it looks at its tail, so deciding costs no time of its own.
 */
export async function appendGroup(
  local: LocalLog,
  group: readonly Waiting[],
  facts: GroupFacts,
): Promise<DecidedGroup | null> {
  const decided: DecidedGroup = { made: [], refused: [] };
  const endRejections: Iterable<string> = { [Symbol.iterator]: () => endedBy(decided) };
  let appended = false;
  try {
    appended = await local.store.appendPending(
      local.head.pendingTail,
      decidedOnce(local, group, facts, decided),
      endRejections,
    );
  } finally {
    local.unwritten = 0;
    if (!appended) dropMade(local, decided, facts.env.now());
  }
  if (!appended) return null;
  const ended = new Set(endRejections);
  local.head = { ...local.head, pendingTail: local.head.pendingTail + decided.made.length };
  if (ended.size > 0) local.rejections = local.rejections.filter(({ commit }) => !ended.has(commit.id));
  return decided;
}

/** Decides when it is first walked through, and gives the same ever after. */
function decidedOnce(
  local: LocalLog,
  group: readonly Waiting[],
  facts: GroupFacts,
  decided: DecidedGroup,
): Iterable<PendingEntry> {
  let begun = false;
  return {
    *[Symbol.iterator]() {
      if (begun) yield* decided.made.map(({ entry }) => entry);
      else {
        begun = true;
        yield* decideInTurn(local, group, facts, decided);
      }
    },
  };
}

/** Decides each in turn and folds what comes of it, so that the next sees it. Nothing is shown or stored yet. */
function* decideInTurn(
  local: LocalLog,
  group: readonly Waiting[],
  { domain, env, user, clock }: GroupFacts,
  { made, refused }: DecidedGroup,
): Generator<PendingEntry> {
  for (const waiting of group) {
    const now = env.now();
    clock.last = tick(clock.last, now);
    const author = {
      id: uuidv7(now, env.randomBytes(UUID_RANDOM_BYTES)),
      client: local.head.client,
      actor: user,
      time: clock.last,
      meta: waiting.meta,
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
    const { undoes, redoes } = waiting.links;
    const undo = { inverse: proposed.inverse, undoes, redoes };
    const entry = {
      n: local.head.pendingTail + made.length + 1,
      at: local.replica.cursor,
      commit: proposed.commit,
      undo,
    };
    const added = orBug(() => addEntry(local, entry, now, proposed.decided));
    if (added instanceof BugError) {
      dropMade(local, { made: [{ entry, waiting }], refused: [] }, now);
      refused.push({ waiting, error: added });
      continue;
    }
    made.push({ entry, waiting });
    local.unwritten = made.length;
    yield entry;
  }
}

/** Runs a step of the core. The core catches what an app's functions throw, so an error here is a bug of Dacapo. */
function orBug<T>(run: () => T): T | BugError {
  try {
    return run();
  } catch (error) {
    const bug = new BugError(`A commit could not be decided: ${reasonOf(error)}`);
    bug.cause = error;
    return bug;
  }
}

/** The rejections in whose place the commits come: told after all were decided, since one that is refused ends none. */
function* endedBy({ made }: DecidedGroup): Generator<string> {
  for (const { waiting } of made) if (waiting.links.endRejection !== null) yield waiting.links.endRejection;
}

/** Tells each caller what became of its call. */
export function answerGroup({ made, refused }: DecidedGroup): void {
  for (const { entry, waiting } of made) waiting.resolve(entry.commit.id);
  for (const { error, waiting } of refused) waiting.reject(error);
}

function dropMade(local: LocalLog, { made }: DecidedGroup, now: number): void {
  for (const { entry } of made) local.entries.delete(entry.commit.id);
  local.replica.remove(new Set(made.map(({ entry }) => entry.commit.id)), now);
}
