/**
 * Settles one commit of a push: decides it, and returns a record with its outcome's text, only an outcome's text, or
 * `later`.
 *
 * `planBatch` calls it in order for each commit that the log does not know. `planBatch` adds each record to the stream
 * windows, the states and events on which later commits are decided.
 *
 * Guarantees:
 * - Position, mark, versions and time of receipt come from the server (P1, push-pull.test.ts). `admitPush` has checked
 *   that the commit's actor is the sender (P3).
 * - Only the ids, the author's time (clamped, P13), `meta` and the cause of the commit reach the record. Its commands
 *   are decided again (P10).
 */
import { clampTime } from "../../core/values/clock.ts";
import { pickCause } from "../../core/history/cause.ts";
import type { Commit } from "../../core/history/commit.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import type { CommitRecord, RecordEvent } from "../../core/history/record.ts";
import type { Permit } from "../access/authorize.ts";
import { isPromise } from "../../core/values/promise.ts";
import { exceedsBytes, type ServerLimits } from "../base/limits.ts";
import { emptyText, recordedText, type Refusal, rejectedText } from "./outcome-text.ts";
import { type AdmittedPush, type PushedCommit, tooLarge } from "./admit-push.ts";
import { droppedKeys } from "./dropped-keys.ts";
import { storedRecord } from "../stores/stored-record.ts";
import type { StoredRecord } from "../stores/event-store.ts";
import type { StreamWindows } from "../streams/stream-windows.ts";
import type { StrongBatch } from "./strong-batch.ts";
import type { StreamState } from "../../core/fold/fold.ts";
import type { LogName, StreamName } from "../../core/values/ids.ts";

export type CommitVerdict =
  | {
      readonly kind: "recorded";
      readonly record: CommitRecord;
      readonly stored: StoredRecord;
      /** The streams that the record changes, with their states after it. */
      readonly changed: ReadonlyMap<StreamName, StreamState>;
      readonly text: string;
    }
  /** The outcome leaves no record: rejected, or without events. */
  | { readonly kind: "no-record"; readonly text: string }
  /** Only a newer domain can decide the commit (P9), or code that can fold its streams. */
  | { readonly kind: "later" };

export type SettleCommitFacts = {
  readonly domain: DomainDefinition;
  readonly log: LogName;
  readonly limits: ServerLimits;
  readonly permit: Permit;
  readonly push: AdmittedPush;
  /** True: the server's own code sent the commit. */
  readonly isOwn: boolean;
  readonly windows: StreamWindows;
  /** Null: the strong models cannot check commits now, so the push has no outcomes. */
  readonly strong: StrongBatch | null;
  /** The position of the first event of the commit's record, if it gets one. */
  readonly position: number;
  readonly mark: string;
  readonly now: number;
};

export async function settleCommit(pushed: PushedCommit, facts: SettleCommitFacts): Promise<CommitVerdict> {
  if ("refusal" in pushed) return rejected(pushed.id, pushed.refusal);
  const { domain, push, now, limits } = facts;
  const { time, clamped } = clampTime(pushed.commit.time, now);
  const commit = { domain: push.domain, ...pushed.commit, time };
  const isNewer = commit.domain > domain.version;

  const reconciled = await facts.windows.reconcile(commit, now, facts.position);
  if (reconciled.kind === "rejected") {
    const { defect, commandIndex, theirs } = reconciled;
    // A kept rejection would outlive this release, and own code could not send the commit again.
    const isLater = defect.kind === "unreadable" ? isNewer || facts.isOwn : isNewer && defect.kind === "unknown";
    return isLater ? { kind: "later" } : rejected(commit.id, { ...defect, command: commandIndex, theirs });
  }
  if (reconciled.events.length === 0) return { kind: "no-record", text: emptyText(commit.id) };

  const forbidden = await firstForbidden(commit, reconciled.ofCommand, facts);
  if (forbidden !== null) return rejected(commit.id, forbiddenRefusal(forbidden));

  const { id, client, actor, meta } = commit;
  const record: CommitRecord = {
    position: facts.position,
    mark: facts.mark,
    commit: id,
    client,
    actor,
    time,
    ...(clamped && { clamped }),
    received: now,
    meta,
    ...pickCause(commit),
    events: reconciled.events,
  };
  const stored = storedRecord(record);
  if (exceedsBytes(stored.text, limits.commitBytesMax)) return rejected(id, tooLarge(limits.commitBytesMax));
  // The last check, because the rows change if it passes.
  const folding =
    facts.strong?.isEmpty === false ? facts.strong.fold(record, reconciled.steps, stateIn(facts.windows)) : null;
  const refusal = isPromise(folding) ? await folding : folding;
  if (refusal !== null) return rejected(id, { ...refusal, command: commandOf(reconciled.ofCommand, refusal.event) });
  return {
    kind: "recorded",
    record,
    stored,
    changed: reconciled.changed,
    text: recordedText(id, stored.cursor, isNewer ? droppedKeys(domain, commit) : []),
  };
}

export function forbiddenRefusal(command: number): Refusal {
  return {
    command,
    code: "forbidden",
    message: "This actor has no right to run this command. Request the right from the operator.",
  };
}

function stateIn(windows: StreamWindows): (stream: StreamName) => StreamState | undefined {
  const known = windows.known();
  return (stream) => known.get(stream)?.state;
}

/** The index of the command that made the n-th event. */
function commandOf(ofCommand: readonly (readonly RecordEvent[])[], n: number): number {
  let end = 0;
  return Math.max(
    0,
    ofCommand.findIndex((events) => n < (end += events.length)),
  );
}

function rejected(id: string, refusal: Refusal): CommitVerdict {
  return { kind: "no-record", text: rejectedText(id, refusal) };
}

async function firstForbidden(
  commit: Commit,
  ofCommand: readonly (readonly RecordEvent[])[],
  { log, permit, push }: SettleCommitFacts,
): Promise<number | null> {
  for (const [index, { stream, name }] of commit.commands.entries()) {
    const events = (ofCommand[index] ?? []).map(({ type, data }) => ({ type, data }));
    if (events.length === 0) continue;
    const answer = permit(push.principal, { action: "record", log, stream, command: name, events });
    // A wait for each command would cost more than most answers.
    if (!(isPromise(answer) ? await answer : answer)) return index;
  }
  return null;
}
