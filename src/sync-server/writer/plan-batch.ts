/**
 * Plans a batch: computes on one head which records and outcomes to append for the waiting pushes, and their results.
 *
 * It is one round of `appendBatch`, and writes nothing.
 *
 * Guarantees:
 * - A push whose cursor is not the log's is refused before its commits are decided (P6, push-pull.test.ts).
 * - A commit id that is known, or was settled earlier in the batch, is not decided again. Its actor gets the same
 *   outcome. Any other actor learns only that the id is taken (P4, push-pull.test.ts).
 * - Commits are settled in order (P7). A push that needs too many reads, too large rows or too long an answer is
 *   answered in part. Its device pushes the rest again (P7, push-pull.test.ts, strong-models.large-rows.test.ts).
 */
import { addStreams } from "../../core/history/commit.ts";
import type { DomainDefinition } from "../../core/domain/definition.ts";
import { type Cursor, encodeCursor, positionOf, sameCursor } from "../../core/history/record.ts";
import type { Permit } from "../access/authorize.ts";
import { type CommitVerdict, settleCommit } from "./settle-commit.ts";
import { type Env, randomHex } from "../base/env.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { Step } from "../base/observer.ts";
import type { RecentRecords } from "./recent-records.ts";
import { idTakenText, recordedText } from "./outcome-text.ts";
import { isPromise } from "../../core/values/promise.ts";
import { advanceCache } from "./catch-up.ts";
import { onCurrent } from "./on-current.ts";
import { callPermit, type PermittedPush } from "./permit-push.ts";
import type { AdmittedPush, Appended, PushedCommit, PushResult, RefusedCode, StoppedPush } from "./admit-push.ts";
import type { EventStore, KeptOutcome, KnownCommit, LogTurn, StoredRecord } from "../stores/event-store.ts";
import type { StreamCache } from "../streams/stream-cache.ts";
import type { StrongStore } from "./model-rows.ts";
import type { StrongBatch } from "./strong-batch.ts";
import type { StrongModels } from "./strong-models.ts";
import { DecideFailure, openWindows, type StreamWindows } from "../streams/stream-windows.ts";
import type { Actor, LogName, StreamName } from "../../core/values/ids.ts";

/** The parts of the server that settle a batch of one log. */
export type BatchContext = {
  readonly log: LogName;
  readonly domain: DomainDefinition;
  readonly store: EventStore;
  readonly permit: Permit;
  readonly limits: ServerLimits;
  readonly env: Env;
  readonly cache: StreamCache;
  readonly strongModels: StrongModels;
  readonly recentRecords: RecentRecords;
  /** Reports failures to the operator. */
  readonly report: (error: unknown) => void;
  /** The step of this batch. */
  readonly step: Step;
};

/** The same parts for one round. */
export type PlanContext = Omit<BatchContext, "store"> & {
  /** The store, or the calls of a turn. */
  readonly store: LogTurn;
  /** True: no other node can append, so a round waits for nothing. @default false */
  readonly isTurn?: boolean;
  /** Events of strong SQL models whose statements the database refused on this head. @default none */
  readonly refused?: StrongStore["refused"];
};

export type Plan = {
  /** The results of the pushes, or of the first of them if the rows of all are too large for one batch. */
  readonly results: readonly PushResult[];
  readonly appended: Appended;
  readonly outcomes: readonly KeptOutcome[];
  readonly windows: StreamWindows;
  /** The rows of the strong models after the batch. Null: the models cannot check commits now. */
  readonly strong: StrongBatch | null;
  /** A result reports that an id is taken. No append checks whether its actor already has an outcome under the id. */
  readonly reportsIdTaken: boolean;
};

type SettledPush = {
  readonly outcomes: readonly string[];
  readonly stopped: StoppedPush | null;
};

/** A commit id that the log or the batch knows: whether it has a record, and the outcome of each actor. */
type KnownId = { isRecorded: boolean; readonly texts: Map<string, string> };

const MARK_BYTES = 8;
const NOTHING_KNOWN: ReadonlyMap<string, KnownCommit> = new Map();
/** Characters of the outcomes in one answer, except the first. A rejection may contain other authors' events. */
const OUTCOMES_LENGTH_MAX = 2 * 1024 * 1024;
/**
 * Stored events that are read for one push, except for its first commit. Otherwise a device that claims to have seen
 * nothing of a long stream could make the server read all of it for each commit.
 */
const EVENTS_READ_MAX = 100_000;
/** Characters of the rows and statements of strong models in a batch, except for its first commit. */
const ROWS_LENGTH_MAX = 16 * 1024 * 1024;

/** `isAssumed`: the known ids are not read. The append checks them, and another round reads them if there are any. */
export async function planBatch(
  context: PlanContext,
  pushes: readonly PermittedPush[],
  head: Cursor | null,
  isAssumed: boolean,
): Promise<Plan> {
  const { store, log, cache, strongModels } = context;
  const known = isAssumed
    ? NOTHING_KNOWN
    : await store.known(log, [...new Set(pushes.flatMap(({ push }) => push.commits.map(({ id }) => id)))]);
  const isValid = await checkCursors(context, pushes, head);
  const strong = await strongModels.open(log, head, context);
  advanceCache(context, head);
  const windows = openWindows(context, positionOf(head), cache.get(log, head));
  const streams = new Set<StreamName>();
  for (const { push } of pushes)
    for (const pushed of push.commits)
      if ("commit" in pushed && !known.has(pushed.id)) addStreams(streams, pushed.commit);
  await windows.load(streams);
  await strong?.prefetch(streams, (stream) => windows.known().get(stream)?.state);

  const batch = new Batch(context, { windows, strong, known, head });
  const settled: (SettledPush | RefusedCode)[] = [];
  // The commits before the failure stay settled. Their outcomes are sent when the push comes again.
  const settleOrRefuse = (permitted: PermittedPush): Promise<SettledPush | RefusedCode> =>
    batch.settlePush(permitted.push).catch((error: unknown) => {
      if (!(error instanceof PermitFailure)) throw error;
      permitted.failure = error.cause;
      context.report(error.cause);
      return "unavailable";
    });
  for (const permitted of pushes) {
    if (settled.length > 0 && batch.hasManyRows) break;
    if (permitted.failure !== null || strong === null) settled.push("unavailable");
    else settled.push(isValid(permitted.push.after) ? await settleOrRefuse(permitted) : "diverged");
  }
  // All results share one object, so that its page of records is rendered once.
  const appended: Appended = { after: head, records: batch.records, head: batch.end() };
  const results = settled.map((push): PushResult =>
    typeof push === "string" ? { kind: "refused", code: push } : { kind: "settled", ...push, appended },
  );
  return { results, appended, outcomes: batch.outcomes, windows, strong, reportsIdTaken: batch.reportsIdTaken };
}

/** A `permit` that threw or did not answer in time. Only the push that needed it fails. */
class PermitFailure extends Error {}

type BatchFacts = {
  readonly windows: StreamWindows;
  readonly strong: StrongBatch | null;
  readonly known: ReadonlyMap<string, KnownCommit>;
  readonly head: Cursor | null;
};

/** The records and outcomes of one batch, collected push by push. */
class Batch {
  readonly records: StoredRecord[] = [];
  readonly outcomes: KeptOutcome[] = [];
  reportsIdTaken = false;
  readonly #knownIds = new Map<string, KnownId>();
  readonly #context: PlanContext;
  readonly #windows: StreamWindows;
  readonly #strong: StrongBatch | null;
  readonly #head: Cursor | null;
  readonly #now: number;

  constructor(context: PlanContext, { windows, strong, known, head }: BatchFacts) {
    this.#context = context;
    this.#windows = windows;
    this.#strong = strong;
    this.#head = head;
    this.#now = context.env.now();
    for (const [id, { record, outcomes }] of known) {
      const texts = new Map(outcomes.map(({ actor, text }) => [actor, text]));
      if (record) texts.set(record.actor, recordedText(id, record.at));
      this.#knownIds.set(id, { isRecorded: record !== null, texts });
    }
  }

  /** The end of the log after the records that were decided so far. */
  end(): Cursor | null {
    return this.records.at(-1)?.cursor ?? this.#head;
  }

  /** True: the rest must be settled by another batch, because its rows would fill the memory. */
  get hasManyRows(): boolean {
    return (this.#strong?.length ?? 0) > ROWS_LENGTH_MAX;
  }

  async settlePush(push: AdmittedPush): Promise<SettledPush> {
    const { actor } = push.principal;
    const outcomes: string[] = [];
    const readBefore = this.#windows.eventsRead();
    let length = 0;
    for (const pushed of push.commits) {
      length += outcomes.at(-1)?.length ?? 0;
      // The device pushes the rest again, from the first commit without an outcome.
      if (length > OUTCOMES_LENGTH_MAX || this.#windows.eventsRead() - readBefore > EVENTS_READ_MAX) break;
      if (outcomes.length > 0 && this.hasManyRows) break;
      const known = this.#knownIds.get(pushed.id);
      const outcome = known?.texts.get(actor) ?? (known?.isRecorded ? this.#idTaken(pushed.id) : null);
      if (outcome !== null) {
        outcomes.push(outcome);
        continue;
      }
      const current = await this.#onCurrent(pushed);
      if (typeof current === "number")
        return { outcomes, stopped: { id: pushed.id, code: "other-version", version: current } };
      const isOwn = "commit" in pushed && pushed.onCurrent !== undefined;
      const verdict = await this.#decide(push, current, isOwn).catch((error: unknown) => this.#reportUndecided(error));
      if (verdict.kind === "later" || verdict.kind === "undecided")
        return { outcomes, stopped: { id: pushed.id, code: verdict.kind } };
      this.#keep(pushed.id, actor, verdict);
      outcomes.push(verdict.text);
    }
    return { outcomes, stopped: null };
  }

  /** A commit of the server's own code gets the versions of now. A number: its stream has this other version. */
  async #onCurrent(pushed: PushedCommit): Promise<PushedCommit | number> {
    if (!("commit" in pushed) || !pushed.onCurrent) return pushed;
    const commit = await onCurrent(this.#context.domain, this.#windows, pushed.commit, pushed.onCurrent);
    return typeof commit === "number" ? commit : { id: pushed.id, commit };
  }

  /**
   * A bug of Dacapo: the commit stays undecided, and the push stops before it (P8). The device keeps the commit, reads
   * on and sends it again. Otherwise a bug would reject a person's work, or cut the device off from its log.
   */
  #reportUndecided(error: unknown): { readonly kind: "undecided" } {
    if (!(error instanceof DecideFailure)) throw error;
    this.#context.report(error.cause);
    return { kind: "undecided" };
  }

  #idTaken(id: string): string {
    this.reportsIdTaken = true;
    return idTakenText(id);
  }

  #decide(push: AdmittedPush, pushed: PushedCommit, isOwn: boolean): Promise<CommitVerdict> {
    const { domain, log, limits, env } = this.#context;
    const call = { env, permit: this.#context.permit, commit: pushed.id };
    const permit: Permit = (principal, request) => {
      if (push.isTrusted === true) return true;
      const answer = callPermit(call, principal, request);
      if (!isPromise(answer)) return answer;
      return answer.catch((cause: unknown) => Promise.reject(new PermitFailure("permit failed", { cause })));
    };
    const position = positionOf(this.end()) + 1;
    return settleCommit(pushed, {
      domain,
      log,
      limits,
      permit,
      push,
      isOwn,
      windows: this.#windows,
      strong: this.#strong,
      position,
      mark: randomHex(env, MARK_BYTES),
      now: this.#now,
    });
  }

  #keep(id: string, actor: Actor, verdict: Exclude<CommitVerdict, { kind: "later" }>): void {
    const known = this.#knownIds.get(id) ?? { isRecorded: false, texts: new Map() };
    this.#knownIds.set(id, known);
    known.texts.set(actor, verdict.text);
    if (verdict.kind === "recorded") {
      known.isRecorded = true;
      this.records.push(verdict.stored);
      this.#windows.add(verdict.record, verdict.changed);
      return;
    }
    this.outcomes.push({ commit: id, actor, received: this.#now, text: verdict.text });
  }
}

/**
 * Returns a function that checks the cursor of a push. Most cursors are the head or the beginning, and need no read.
 */
async function checkCursors(
  { store, log, recentRecords }: PlanContext,
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
    if (recentRecords.hasEnd(log, push.after, head)) continue;
    const { kind } = await store.read(log, push.after, { events: 1, bytes: 1 });
    if (kind !== "page") diverged.add(text);
  }
  return (after) => after === null || !diverged.has(encodeCursor(after));
}
