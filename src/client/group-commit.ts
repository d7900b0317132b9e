/**
 * Group commit: commands that wait together are decided in turn and appended in one transaction.
 *
 * Place: one step of the engine. Decide (here, in memory), append (the store), answer.
 * Holds: each command is decided on what those before it left; where the append fails or the tail has moved, memory is as it was before.
 */
import { tick } from "../core/clock.ts";
import type { CommandRequest, DomainDefinition } from "../core/definition.ts";
import type { DacapoError } from "../core/errors.ts";
import { uuidv7, UUID_RANDOM_BYTES } from "../core/id.ts";
import type { Json } from "../core/json.ts";
import { propose } from "../core/propose.ts";
import { defectError } from "./defect-error.ts";
import type { Env } from "./env.ts";
import { addEntry, type LocalLog } from "./local-log.ts";
import type { PendingEntry } from "./log/log-store.ts";

/** How a commit stands to earlier ones: it takes the place of a rejection, takes one back, or brings one back. */
export type CommitLinks = { readonly endRejection: string | null; readonly undoes: string | null; readonly redoes: string | null };

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
  readonly made: readonly { readonly entry: PendingEntry; readonly waiting: Waiting }[];
  readonly refused: readonly { readonly error: DacapoError; readonly waiting: Waiting }[];
};

export type GroupFacts = {
  readonly domain: DomainDefinition;
  readonly env: Env;
  readonly user: string;
  /** The device's hybrid logical clock. */
  readonly clock: { last: number };
};

/** Decides each in turn and folds what comes of it, so that the next sees it. Nothing is shown or stored yet. */
export function decideGroup(local: LocalLog, group: readonly Waiting[], { domain, env, user, clock }: GroupFacts): DecidedGroup {
  const made: DecidedGroup["made"][number][] = [];
  const refused: DecidedGroup["refused"][number][] = [];
  for (const waiting of group) {
    const now = env.now();
    clock.last = tick(clock.last, now);
    const author = { id: uuidv7(now, env.random(UUID_RANDOM_BYTES)), client: local.head.client, actor: user, time: clock.last, meta: waiting.meta };
    const proposed = propose(domain, local.replica, waiting.requests, author);
    if ("defect" in proposed) {
      refused.push({ waiting, error: defectError(proposed.defect, waiting.requests[proposed.command]) });
      continue;
    }
    const { undoes, redoes } = waiting.links;
    const undo = { inverse: proposed.inverse, undoes, redoes };
    const entry = { n: local.head.pendingTail + made.length + 1, at: local.replica.cursor, commit: proposed.commit, undo };
    addEntry(local, entry, now);
    made.push({ entry, waiting });
  }
  return { made, refused };
}

/** Makes a decided group durable. False, or an error of the store: memory is as it was before. */
export async function appendDecided(local: LocalLog, { made }: DecidedGroup, now: number): Promise<boolean> {
  if (made.length === 0) return true;
  const ended = made.flatMap(({ waiting }) => waiting.links.endRejection ?? []);
  let appended = false;
  local.unwritten = made.length;
  try {
    appended = await local.store.appendPending(local.head.pendingTail, made.map(({ entry }) => entry), ended);
  } finally {
    local.unwritten = 0;
    if (!appended) undo(local, made, now);
  }
  if (!appended) return false;
  local.head = { ...local.head, pendingTail: local.head.pendingTail + made.length };
  local.rejections = local.rejections.filter(({ commit }) => !ended.includes(commit.id));
  return true;
}

/** Tells each caller what became of its call. */
export function answerGroup({ made, refused }: DecidedGroup): void {
  for (const { entry, waiting } of made) waiting.resolve(entry.commit.id);
  for (const { error, waiting } of refused) waiting.reject(error);
}

function undo(local: LocalLog, made: DecidedGroup["made"], now: number): void {
  for (const { entry } of made) local.entries.delete(entry.commit.id);
  local.replica.remove(new Set(made.map(({ entry }) => entry.commit.id)), now);
}
