/**
 * Plans what an answer of the server changes on this device. Pure.
 *
 * Guarantees:
 * - Records are confirmed only if they follow this device's cursor. Outcomes count by commit id, whatever the page
 *   contains.
 * - A pending commit settles by a record of its own actor, by an outcome without a record, or by `recorded` at a
 *   position that this device had when it pushed. A mere claim settles nothing
 *   (test/unit/client/sync/sync.hostile-server.test.ts).
 * - A commit is `accepted` only if the device knows that the server recorded the expected events. Without the record,
 *   a recorded commit is `rebased` (test/unit/client/sync/joining.own-work.test.ts).
 * - `recorded` at a position that this device got later settles nothing. A restore may have lost the record meanwhile,
 *   and another record has its position. The commit is sent again
 *   (test "planConfirmation: a late answer to an older cursor settles no commit at a position").
 * - A record that arrives for a kept rejection settles the commit and ends the rejection
 *   (test/unit/client/engine/plan-confirmation.arrived-after-rejection.test.ts).
 */
import type { Commit } from "../../core/history/commit.ts";
import { type CommitRecord, type Cursor, lastPosition, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Outcome, Page, RejectedOutcome } from "../../core/wire/messages.ts";
import { isExpected } from "../../core/decide/reconcile-commit.ts";
import { endsCommit } from "../../core/replica/replica.ts";
import type { Confirmation, PendingEntry, RejectionEntry, SentEntry } from "../stores/log-store.ts";
import type { CommitId } from "../../core/values/ids.ts";

/** An answer of the server: a page with the text that it was read from, and outcomes. */
export type ServerAnswer = { readonly page: Page; readonly text: string; readonly outcomes: readonly Outcome[] };

/** The answer with which this device itself rejects a commit: no records, and one outcome. */
export function rejectionAnswer(
  commitId: CommitId,
  { code, message }: Pick<RejectedOutcome, "code" | "message">,
  cursor: Cursor | null,
): ServerAnswer {
  return {
    page: { after: cursor, records: [], cursor, head: 0, more: false },
    text: "",
    outcomes: [{ id: commitId, outcome: "rejected", command: 0, code, message }],
  };
}

export type ConfirmPlan = {
  readonly confirmation: Confirmation;
  /** The records to apply: none if the page does not follow the cursor. */
  readonly records: readonly CommitRecord[];
};

export type ConfirmFacts = {
  readonly cursor: Cursor | null;
  readonly pending: Iterable<PendingEntry>;
  readonly rejections: readonly RejectionEntry[];
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly sentKeptMs: number | null;
  /**
   * When the server received the last record that this tab knows; null before the first. It measures the age of `sent`,
   * because the clock of the device may jump.
   */
  readonly serverTime: number | null;
};

/** Returns null when the answer changes nothing here. */
export function planConfirmation(facts: ConfirmFacts, { page, text, outcomes }: ServerAnswer): ConfirmPlan | null {
  const follows = sameCursor(page.after, facts.cursor) && page.records.length > 0;
  const records = follows ? page.records : [];
  const cursor = follows ? page.cursor : facts.cursor;
  // The server compared `after` with its log, so up to there both logs are the same.
  const common = Math.min(positionOf(page.after), positionOf(facts.cursor));
  const byId = new Map(records.map((record) => [record.commit, record]));
  const byOutcome = new Map(outcomes.map((outcome) => [outcome.id, outcome]));

  const lastReceived = records.at(-1)?.received ?? null;
  const settledAt = lastReceived ?? facts.serverTime;
  const settled: SentEntry[] = [];
  const rejected: RejectionEntry[] = [];
  for (const entry of facts.pending) {
    const end = endOf(entry, byId.get(entry.commit.id), byOutcome.get(entry.commit.id), common, cursor);
    if (end === null) continue;
    if (end.outcome === "rejected")
      rejected.push({ n: entry.n, commit: entry.commit, undo: entry.undo, outcome: end, rejectedAt: facts.now });
    else
      settled.push({
        n: entry.n,
        commit: entry.commit,
        undo: entry.undo,
        outcome: end.outcome,
        position: end.position,
        ...(end.dropped && { dropped: end.dropped }),
        settledAt,
      });
  }
  for (const { n, commit, undo } of facts.rejections) {
    const end = endOfRecord(commit, byId.get(commit.id));
    if (end) settled.push({ n, commit, undo, ...end, settledAt });
  }
  if (!follows && settled.length === 0 && rejected.length === 0) return null;
  return {
    records,
    confirmation: {
      batch: follows && cursor ? { after: page.after, cursor, text } : null,
      settled,
      rejected,
      forgetSentBefore: facts.sentKeptMs === null || lastReceived === null ? null : lastReceived - facts.sentKeptMs,
    },
  };
}

type RecordedEnd = Pick<SentEntry, "outcome" | "position" | "dropped">;
type End = RecordedEnd | RejectedOutcome | null;

function endOf(
  { commit }: PendingEntry,
  record: CommitRecord | undefined,
  outcome: Outcome | undefined,
  common: number,
  after: Cursor | null,
): End {
  const recorded = endOfRecord(commit, record);
  if (recorded)
    return outcome?.outcome === "recorded" && outcome.dropped ? { ...recorded, dropped: outcome.dropped } : recorded;
  switch (outcome?.outcome) {
    case undefined:
      return null;
    case "rejected":
      return outcome;
    case "empty":
      return {
        outcome: commit.commands.every((command) => command.events.length === 0) ? "accepted" : "rebased",
        position: positionOf(after),
      };
    case "recorded":
      // The record is inside a base. Or a displaced leader pushed the commit, and this tab confirmed the record before
      // it knew the commit. Either way this plan cannot compare the events.
      return outcome.at.position <= common ? { outcome: "rebased", position: outcome.at.position } : null;
  }
}

function endOfRecord(commit: Commit, record: CommitRecord | undefined): RecordedEnd | null {
  if (!record || !endsCommit(record, commit)) return null;
  return { outcome: isExpected(commit, record.events) ? "accepted" : "rebased", position: lastPosition(record) };
}
