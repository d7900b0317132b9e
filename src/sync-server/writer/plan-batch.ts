/**
 * Planning a batch: what to append for the pushes that wait, and what to answer, computed on one head.
 *
 * Place: one round of `settle-batch`; nothing here writes.
 * Holds: a push whose cursor is not the log's is refused before its commits are looked at; an id that is known, or was decided
 * earlier in the batch, is not decided again and gets the same outcome, and tells nothing to anyone but its own
 * actor; a batch is taken in order; a push that costs too much to read for, or to answer, is answered as far as it was looked at.
 */
import { streamsOf } from "../../core/history/commit.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { type Cursor, encodeCursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Permit } from "../access/authorize.ts";
import { type CommitVerdict, settleCommit } from "./settle-commit.ts";
import { type Env, randomHex } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { RecentRecords } from "./recent-records.ts";
import { idTakenText, recordedText } from "./outcome-text.ts";
import type { PermittedPush } from "./permit-push.ts";
import type { AdmittedPush, Appended, PushedCommit, PushResult, RefusedCode } from "./admit-push.ts";
import type { EventStore, KeptOutcome, KnownCommit, StoredRecord } from "../stores/event-store.ts";
import type { StreamCache } from "../streams/stream-cache.ts";
import { DecideFailure, openWindows, type StreamWindows } from "../streams/stream-windows.ts";
import { askWithinTime } from "../base/app-timeout.ts";

/** What a batch of a log is decided with. */
export type BatchContext = {
  readonly log: string;
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly permit: Permit;
  readonly limits: ServerLimits;
  readonly env: Env;
  readonly cache: StreamCache;
  readonly tail: RecentRecords;
  /** Told of what went wrong on the way to an answer, for the operator. */
  readonly report: (error: unknown) => void;
};

export type Plan = {
  readonly results: readonly PushResult[];
  readonly appended: Appended;
  readonly outcomes: readonly KeptOutcome[];
  readonly windows: StreamWindows;
  /** Someone was told that an id is taken: what was said to them before is not looked for by any append. */
  readonly toldTaken: boolean;
};

type Taken = {
  readonly outcomes: readonly string[];
  readonly stopped: { readonly id: string; readonly code: string } | null;
};

/** What is known under an id: whether a record stands there, and what was said to whom. */
type Answered = { isRecorded: boolean; readonly texts: Map<string, string> };

const MARK_BYTES = 8;
const NOTHING_KNOWN: ReadonlyMap<string, KnownCommit> = new Map();
/** Characters of the outcomes in one answer, but for the first: a rejection may bring along the events of others. */
const OUTCOMES_LENGTH_MAX = 2 * 1024 * 1024;
/** Stored events that are read for one push, but for its first commit. Who claims to have seen nothing of a long stream makes the server read all of it. */
const EVENTS_READ_MAX = 100_000;

/** `isAssumed`: what the log knows was not read. The append looks, and what it finds leads to another round. */
export async function planBatch(
  context: BatchContext,
  pushes: readonly PermittedPush[],
  head: Cursor | null,
  isAssumed: boolean,
): Promise<Plan> {
  const { store, log, cache } = context;
  const known = isAssumed
    ? NOTHING_KNOWN
    : await store.known(log, [...new Set(pushes.flatMap(({ push }) => push.commits.map(({ id }) => id)))]);
  const isValid = await checkCursors(context, pushes, head);
  const windows = openWindows(context, positionOf(head), cache.get(log, head));
  await windows.load(
    pushes.flatMap(({ push }) =>
      push.commits.flatMap((pushed) =>
        "commit" in pushed && !known.has(pushed.id) ? [...streamsOf(pushed.commit)] : [],
      ),
    ),
  );

  const batch = new Batch(context, windows, known, head);
  const taken: (Taken | RefusedCode)[] = [];
  // What of the push came before the failure stands: it is told when the push comes again.
  const takeOrFail = (push: AdmittedPush): Promise<Taken | RefusedCode> =>
    batch.take(push).catch((error: unknown) => {
      if (!(error instanceof PermitFailure || error instanceof DecideFailure)) throw error;
      context.report(error.cause);
      return "unavailable";
    });
  for (const { push, failure } of pushes) {
    if (failure !== null) taken.push("unavailable");
    else taken.push(isValid(push.after) ? await takeOrFail(push) : "diverged");
  }
  // One object for all who wait: what is made of it is made once.
  const appended: Appended = { after: head, records: batch.records, head: batch.end() };
  const results = taken.map((one): PushResult =>
    typeof one === "string" ? { kind: "refused", code: one } : { kind: "settled", ...one, appended },
  );
  return { results, appended, outcomes: batch.outcomes, windows, toldTaken: batch.toldTaken };
}

/** A `permit` that threw or hung: it harms the push that it was asked for and no other. */
class PermitFailure extends Error {}

/** The records and outcomes of one batch, as they come about. */
class Batch {
  readonly records: StoredRecord[] = [];
  readonly outcomes: KeptOutcome[] = [];
  toldTaken = false;
  readonly #answered = new Map<string, Answered>();
  readonly #context: BatchContext;
  readonly #windows: StreamWindows;
  readonly #head: Cursor | null;
  readonly #now: number;

  constructor(
    context: BatchContext,
    windows: StreamWindows,
    known: ReadonlyMap<string, KnownCommit>,
    head: Cursor | null,
  ) {
    this.#context = context;
    this.#windows = windows;
    this.#head = head;
    this.#now = context.env.now();
    for (const [id, { record, outcomes }] of known) {
      const texts = new Map(outcomes.map(({ actor, text }) => [actor, text]));
      if (record) texts.set(record.actor, recordedText(id, record.at));
      this.#answered.set(id, { isRecorded: record !== null, texts });
    }
  }

  /** Where the log ends with what was decided so far. */
  end(): Cursor | null {
    return this.records.at(-1)?.cursor ?? this.#head;
  }

  async take(push: AdmittedPush): Promise<Taken> {
    const { actor } = push.principal;
    const outcomes: string[] = [];
    const readBefore = this.#windows.eventsRead();
    let length = 0;
    for (const pushed of push.commits) {
      length += outcomes.at(-1)?.length ?? 0;
      // The rest is pushed again, from the first that has not ended.
      if (length > OUTCOMES_LENGTH_MAX || this.#windows.eventsRead() - readBefore > EVENTS_READ_MAX) break;
      const before = this.#answered.get(pushed.id);
      const told = before?.texts.get(actor) ?? (before?.isRecorded ? this.#idTaken(pushed.id) : null);
      if (told !== null) {
        outcomes.push(told);
        continue;
      }
      const verdict = await this.#decide(push, pushed);
      if (verdict.kind === "later") return { outcomes, stopped: { id: pushed.id, code: "later" } };
      this.#keep(pushed.id, actor, verdict);
      outcomes.push(verdict.text);
    }
    return { outcomes, stopped: null };
  }

  #idTaken(id: string): string {
    this.toldTaken = true;
    return idTakenText(id);
  }

  #decide(push: AdmittedPush, pushed: PushedCommit): Promise<CommitVerdict> {
    const { domain, log, limits, env } = this.#context;
    const permit: Permit = async (principal, request) => {
      try {
        return await askWithinTime(env, "permit", () => this.#context.permit(principal, request));
      } catch (cause) {
        throw new PermitFailure("permit failed", { cause });
      }
    };
    const position = positionOf(this.end()) + 1;
    return settleCommit(pushed, {
      domain,
      log,
      limits,
      permit,
      push,
      windows: this.#windows,
      position,
      mark: randomHex(env, MARK_BYTES),
      now: this.#now,
    });
  }

  #keep(id: string, actor: string, verdict: Exclude<CommitVerdict, { kind: "later" }>): void {
    const answered = this.#answered.get(id) ?? { isRecorded: false, texts: new Map() };
    this.#answered.set(id, answered);
    answered.texts.set(actor, verdict.text);
    if (verdict.kind === "recorded") {
      answered.isRecorded = true;
      this.records.push(verdict.stored);
      this.#windows.add(verdict.record);
      return;
    }
    this.outcomes.push({ commit: id, actor, received: this.#now, text: verdict.text });
  }
}

/** Which of the cursors that pushes come with are the log's. Most are its head or the beginning, and need no reading. */
async function checkCursors(
  { store, log, tail }: BatchContext,
  pushes: readonly PermittedPush[],
  head: Cursor | null,
): Promise<(after: Cursor | null) => boolean> {
  const diverged = new Set<string>();
  const checked = new Set<string>();
  for (const { push } of pushes) {
    if (push.after === null || sameCursor(push.after, head)) continue;
    const text = encodeCursor(push.after);
    if (checked.has(text)) continue;
    checked.add(text);
    if (tail.between(log, push.after, head)) continue;
    const { kind } = await store.read(log, push.after, { events: 1, bytes: 1 });
    if (kind !== "page") diverged.add(text);
  }
  return (after) => after === null || !diverged.has(encodeCursor(after));
}
