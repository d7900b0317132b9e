/**
 * Decides the next step of a batch after each of its rounds. Pure.
 *
 *     progress ── nextStep ─┬─> round | turn ── its end ── afterRound ──> progress
 *                           └─> answer | refuse | fail | split
 *
 * Guarantees (next-step.test.ts):
 * - The rounds are bounded. A batch without an answer after the last round is refused, and its devices try again.
 * - A batch that lost to other nodes twice is written in a turn of the log, if the store has turns (S20).
 * - After an append that rejected, no round answers without the known ids, because the batch may be written (S2).
 * - A head is used once. Only the round after a veto uses it again.
 */
import type { RefusedCode } from "./admit-push.ts";
import type { Round } from "./run-round.ts";
import type { LogHead } from "../stores/event-store.ts";

export type RoundStep =
  /** Decides the batch and appends it. */
  | {
      readonly kind: "round";
      /** Contending nodes separate during this time. */
      readonly waitMs: number;
      /** True: another node appended. So what this node knows of the log moves to the new end first. */
      readonly isBehind: boolean;
      /** The assumed head. Null: the round reads it. */
      readonly head: LogHead | null;
      readonly readsIds: boolean;
    }
  /** Does the same while no other node appends. */
  | { readonly kind: "turn"; readonly readsIds: boolean };

export type LastStep =
  | { readonly kind: "answer"; readonly round: SettledRound }
  | { readonly kind: "refuse"; readonly code: RefusedCode }
  /** The store is unable to write. */
  | { readonly kind: "fail"; readonly error: unknown }
  /** Nothing was written. Each push must be settled alone. */
  | { readonly kind: "split" };

type SettledRound = Extract<Round, { readonly kind: "ok" | "nothing" }>;

/** The result of the rounds so far. */
export type BatchProgress = {
  /** Rounds that count. */
  readonly rounds: number;
  /** Rounds that the batch lost to other nodes since its last turn. */
  readonly lost: number;
  /** Null: there was no round yet. */
  readonly last: Round | null;
  readonly head: LogHead | null;
  readonly readsIds: boolean;
  /** The log may have records that this node did not report. */
  readonly mayHaveMoved: boolean;
  /** The errors of the appends that rejected. */
  readonly errors: readonly unknown[];
};

export type BatchFacts = {
  readonly hasTurns: boolean;
  /** The database refused so many events that the pushes must be settled one by one. */
  readonly hasManyVetoes: boolean;
};

/** Rounds of one batch. Another node may append between our read and our append, so each round is another try. */
export const ROUNDS_MAX = 20;
/** Appends of one batch that may reject. After the second, the store is unable to write. */
const FAILURES_MAX = 2;
/** Rounds that a batch loses to other nodes before it takes a turn. */
const LOST_MAX = 2;
/** Milliseconds. Each round from the third on waits longer. */
const CONTENTION_DELAY_MS = 4;
const UNDELAYED_ROUNDS = 2;

/** The signs that the end of a round has. */
type Sign = {
  /** A later round needs the known ids. */
  readonly needsIds?: true;
  /** The log may have records that this node did not report. */
  readonly hasMoved?: true;
  /** The log or its rows are not as they were read. */
  readonly isStale?: true;
};
const SIGNS: { readonly [Kind in Round["kind"]]: Sign } = {
  ok: {},
  nothing: {},
  gone: {},
  vetoed: {},
  unsure: { needsIds: true },
  known: { needsIds: true, hasMoved: true },
  failed: { needsIds: true, hasMoved: true, isStale: true },
  moved: { hasMoved: true, isStale: true },
  "model-moved": { hasMoved: true, isStale: true },
};

/**
 * @param end the end of the log that this node knows. Usually it is the head, and no commit of the batch is known. So a
 *   round reads neither, until it must.
 */
export function beginBatch(end: Extract<LogHead, { kind: "open" }>["cursor"]): BatchProgress {
  return {
    rounds: 0,
    lost: 0,
    last: null,
    head: end && { kind: "open", cursor: end },
    readsIds: end === null,
    mayHaveMoved: false,
    errors: [],
  };
}

export function nextStep(progress: BatchProgress, { hasTurns, hasManyVetoes }: BatchFacts): RoundStep | LastStep {
  const { rounds, lost, last, head, readsIds, errors } = progress;
  if (last?.kind === "ok" || last?.kind === "nothing") return { kind: "answer", round: last };
  if (last?.kind === "gone") return { kind: "refuse", code: "gone" };
  if (errors.length >= FAILURES_MAX) return { kind: "fail", error: errors.at(-1) };
  if (hasManyVetoes) return { kind: "split" };
  if (rounds >= ROUNDS_MAX) return { kind: "refuse", code: "unavailable" };
  // A node that lost takes a turn. Otherwise the other nodes could be faster each time.
  if (hasTurns && lost >= LOST_MAX) return { kind: "turn", readsIds };
  const waitMs = rounds < UNDELAYED_ROUNDS ? 0 : CONTENTION_DELAY_MS * rounds;
  return { kind: "round", waitMs, isBehind: last?.kind === "moved", head, readsIds };
}

export function afterRound(before: BatchProgress, step: RoundStep, round: Round): BatchProgress {
  const { needsIds = false, hasMoved = false } = SIGNS[round.kind];
  const isVetoed = round.kind === "vetoed";
  return {
    // Each vetoed round refuses one more event, so it is not counted.
    rounds: isVetoed ? before.rounds : before.rounds + 1,
    lost: lostAfter(before.lost, step, round),
    last: round,
    head: isVetoed ? round.head : null,
    readsIds: before.readsIds || needsIds,
    mayHaveMoved: before.mayHaveMoved || hasMoved,
    errors: round.kind === "failed" ? [...before.errors, round.error] : before.errors,
  };
}

/** Strong models that are behind move a turn too. Only a round outside of a turn can wait for them. */
function lostAfter(lost: number, step: RoundStep, round: Round): number {
  if (round.kind !== "moved") return lost;
  return step.kind === "turn" ? 0 : lost + 1;
}

/** True: the log or its rows are not as the round read them. */
export function isStaleAfter({ kind }: Round): boolean {
  return SIGNS[kind].isStale === true;
}
