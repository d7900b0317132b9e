/**
 * The engine of one log in one tab: takes commits, takes what the server says, tells what changed.
 *
 * Place: in the worker, between the store, the sync loop and the page. One step runs at a time (`#steps`); everything that
 * comes from outside waits for its turn.
 * Holds: what a step shows was durable before; every write names what it was computed on, and where that moved, the step looks
 * again and computes again. Commands that wait together share one transaction.
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import { BugError, DacapoError, LogClosedError } from "../../core/values/errors.ts";
import { follow } from "../../core/values/clock.ts";
import type { Json } from "../../core/values/json.ts";
import type { Replica } from "../../core/replica/replica.ts";
import type { RowDelta } from "../../core/fold/rows.ts";
import { importArchive } from "./export-import.ts";
import type { Env } from "../env/env.ts";
import { type ServerAnswer, type ConfirmPlan, planConfirmation, rejectionAnswer } from "./plan-confirmation.ts";
import { answerGroup, appendGroup, type CommitLinks, NO_LINKS, type Waiting } from "./append-group.ts";
import { type LocalLog, loadLocalLog, refreshLocalLog } from "./local-log.ts";
import {
  type LogStore,
  type PendingEntry,
  type RejectionEntry,
  stillDropped,
  type StoreHead,
} from "../stores/log-store.ts";
import type { Settled } from "../messages/log-types.ts";
import { rowDifferences } from "./row-differences.ts";
import { RowCache, writeRowCache } from "./row-cache.ts";
import { refusedOf, settledOf, SettledWaiters } from "./settled-waiters.ts";
import { type LogSummary, summarizeLog } from "./log-summary.ts";

/** Commands that share one transaction, at most. */
const GROUP_MAX = 256;
/** Times that a step looks again because another tab was faster. Each time at least one of them got its way. */
const ATTEMPTS_MAX = 100;
/** Settled commits are offered again after a restore of the server for this long. */
const SENT_KEPT_MS = 30 * 24 * 60 * 60 * 1000;

export type EngineOptions = {
  readonly domain: DomainDefinition;
  readonly store: LogStore;
  readonly env: Env;
  readonly user: string;
  /** False: no server; then settled commits are kept for ever, since all of them go to one that is given later. */
  readonly synced: boolean;
  /** Told after each step that changed something. Deltas are those of all projections. */
  readonly changed: (deltas: readonly RowDelta[]) => void;
  /** Told after a step that wrote, so that other tabs look. */
  readonly wrote: () => void;
};

export class Engine {
  readonly #options: EngineOptions;
  #local: LocalLog;
  #steps: Promise<unknown> = Promise.resolve();
  #waiting: Waiting[] = [];
  readonly #settling: SettledWaiters;
  readonly #clock = { last: 0 };
  /** As of the rows that were last told. */
  #standing: LogSummary;
  #serverTime: number | null = null;
  #closed = false;

  static async open(options: EngineOptions): Promise<Engine> {
    return new Engine(options, await loadLocalLog(options.domain, options.store, new RowCache(), options.env.now()));
  }

  private constructor(options: EngineOptions, local: LocalLog) {
    this.#options = options;
    this.#local = local;
    this.#standing = summarizeLog(local.replica, local.rejections.length);
    this.#settling = new SettledWaiters(options.store);
    for (const { commit } of local.entries.values()) this.#clock.last = Math.max(this.#clock.last, commit.time);
  }

  get replica(): Replica {
    return this.#local.replica;
  }

  get head(): StoreHead {
    return this.#local.head;
  }

  get store(): LogStore {
    return this.#options.store;
  }

  /** Pending entries that are durable, in the order in which they were made. */
  get pending(): readonly PendingEntry[] {
    return [...this.#local.entries.values()].slice(0, this.pendingCount);
  }

  get pendingCount(): number {
    return this.#local.entries.size - this.#local.unwritten;
  }

  get standing(): LogSummary {
    return this.#standing;
  }

  get rejections(): readonly RejectionEntry[] {
    return this.#local.rejections;
  }

  /** Decides commands as one commit and resolves with its id when it is durable. */
  execute(requests: readonly CommandRequest[], meta: Json, links: CommitLinks = NO_LINKS): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ requests, meta, links, resolve, reject });
      // The step that is asked for first takes all that wait by then.
      void this.step(() => this.#commitWaiting()).catch(reject);
    });
  }

  /** Resolves when the commit has ended. */
  settled(commit: string): Promise<Settled> {
    return this.#settling.wait(commit, () => this.#local.entries.has(commit));
  }

  /** Reads what other tabs wrote. */
  refresh(): Promise<void> {
    return this.step(() => this.#refresh());
  }

  /** Takes what the server said: records behind the cursor, outcomes. Asked before histories parted (`generation`): ignored. */
  confirm(answer: ServerAnswer, generation: number): Promise<void> {
    return this.step(() =>
      this.#confirm((cursor) => (this.head.generation === generation ? this.#plan(answer, cursor) : null)),
    );
  }

  /** Takes an answer that is made of this device's own view: a log without a server. */
  confirmFrom(make: () => ServerAnswer | null): Promise<void> {
    return this.step(() =>
      this.#confirm((cursor) => {
        const answer = make();
        return answer && this.#plan(answer, cursor);
      }),
    );
  }

  /** Moves a commit that waits to the rejections. Should its record come after all, the rejection ends. */
  async withdraw(commit: string): Promise<void> {
    const rejection = { code: "withdrawn", message: "Taken out of the queue on this device" };
    await this.confirm(rejectionAnswer(commit, rejection, this.replica.cursor), this.head.generation);
  }

  async discard(commit: string): Promise<void> {
    await this.step(async () => {
      await this.store.removeRejections([commit]);
      await this.#refresh();
      this.#options.wrote();
    });
  }

  /** Cuts the log back to a common mark; see `cut-back`. False: something moved meanwhile. */
  cutBack(plan: (local: LocalLog) => Promise<StoreHead | null>): Promise<boolean> {
    return this.step(async () => {
      await this.#refresh();
      const head = await plan(this.#local);
      if (!head) return false;
      await this.#reload();
      this.#options.wrote();
      return true;
    });
  }

  /** Writes an exported log into this empty one. */
  import(log: string, lines: Iterable<string>): Promise<void> {
    return this.step(async () => {
      await importArchive(this.store, log, lines);
      await this.#reload();
      this.#options.wrote();
    });
  }

  /** Stores rows as folded so far, and seals what has come together. The leader does so now and then. */
  tidy(): Promise<void> {
    return this.step(async () => {
      await writeRowCache(this.#options.domain, this.replica, this.#local.rows, this.store, this.head.generation);
      await this.store.seal();
    });
  }

  /** Runs a step alone, after those before it. */
  step<T>(run: () => Promise<T>): Promise<T> {
    const result = this.#steps.then(() => {
      if (this.#closed) throw closedError();
      return run();
    });
    this.#steps = result.catch(() => {});
    return result;
  }

  async close(): Promise<void> {
    this.#settling.close(closedError());
    await this.step(async () => {
      this.#closed = true;
    }).catch(() => {});
    for (const { reject } of this.#waiting) reject(closedError());
    this.store.close();
  }

  async #commitWaiting(): Promise<void> {
    const group = this.#waiting.splice(0, GROUP_MAX);
    if (group.length === 0) return;
    try {
      for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        if (await this.#appendGroup(group)) return;
        await this.#refresh();
      }
      throw new BugError("Other tabs were faster too often");
    } catch (error) {
      this.#tellUndone();
      const failure = error instanceof DacapoError ? error : new BugError(`A commit failed: ${String(error)}`);
      for (const { reject } of group) reject(failure);
    }
  }

  /** False: another tab appended first; nothing has happened. */
  async #appendGroup(group: readonly Waiting[]): Promise<boolean> {
    const { domain, env, user } = this.#options;
    const decided = await appendGroup(this.#local, group, { domain, env, user, clock: this.#clock });
    if (!decided) {
      this.#tellUndone();
      return false;
    }
    if (decided.made.length > 0) {
      this.#changed();
      this.#options.wrote();
    }
    answerGroup(decided);
    return true;
  }

  async #refresh(): Promise<void> {
    const ended = await refreshLocalLog(this.#local, this.#options.env.now());
    if (ended) {
      this.#changed();
      for (const { entry, arrived } of ended) if (arrived) this.#settling.tell({ ...arrived, commit: entry.commit.id });
    } else await this.#reload();
    await this.#settling.lookAgain((commit) => this.#local.entries.has(commit));
  }

  /** Loads anew after histories parted; the page hears of what looks different. */
  async #reload(): Promise<void> {
    // What a look that did not come to its end has folded: the page is told of differences from there.
    this.#changed();
    const before = this.replica;
    this.#local = await loadLocalLog(this.#options.domain, this.store, new RowCache(), this.#options.env.now());
    this.#tell(rowDifferences(this.#options.domain, before, this.replica));
  }

  #plan(answer: ServerAnswer, cursor: Replica["cursor"]): ConfirmPlan | null {
    const { env, synced } = this.#options;
    const facts = {
      cursor,
      pending: this.#local.entries.values(),
      rejections: this.#local.rejections,
      now: env.now(),
      sentKeptMs: synced ? SENT_KEPT_MS : null,
      serverTime: this.#serverTime,
    };
    return planConfirmation(facts, answer);
  }

  async #confirm(plan: (cursor: Replica["cursor"]) => ConfirmPlan | null): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const { cursor } = this.replica;
      const planned = plan(cursor);
      if (!planned) return;
      if (await this.store.confirm({ generation: this.head.generation, cursor }, planned.confirmation))
        return this.#apply(planned);
      // Another tab took records first. Those of this answer no longer follow the cursor; its outcomes still count.
      await this.#refresh();
    }
    throw new BugError("Other tabs confirmed faster too often");
  }

  #apply({ confirmation, records }: ConfirmPlan): void {
    const { env } = this.#options;
    const local = this.#local;
    this.#serverTime = records.at(-1)?.received ?? this.#serverTime;
    for (const { received } of records) this.#clock.last = follow(this.#clock.last, received, env.now());
    local.replica.apply(records, env.now());
    local.replica.remove(
      new Set([...confirmation.settled, ...confirmation.rejected].map(({ commit }) => commit.id)),
      env.now(),
    );
    for (const { commit } of [...confirmation.settled, ...confirmation.rejected]) local.entries.delete(commit.id);
    const { cursor } = local.replica;
    local.head = { ...local.head, cursor, dropped: stillDropped(local.head.dropped, cursor) };
    const settled = new Set(confirmation.settled.map(({ commit }) => commit.id));
    local.rejections = [...local.rejections.filter(({ commit }) => !settled.has(commit.id)), ...confirmation.rejected];
    this.#changed();
    this.#options.wrote();
    for (const entry of confirmation.settled) this.#settling.tell(settledOf(entry));
    for (const rejection of confirmation.rejected) this.#settling.tell(refusedOf(rejection));
  }

  #changed(): void {
    this.#tell(this.replica.takeDelta());
  }

  #tell(deltas: readonly RowDelta[]): void {
    this.#standing = summarizeLog(this.replica, this.#local.rejections.length);
    this.#options.changed(deltas);
  }

  /** What was folded to be decided on is gone again. Whoever looked meanwhile must hear of it, though the rows are those of before. */
  #tellUndone(): void {
    this.#tell(this.replica.takeDelta("all touched"));
  }
}

function closedError(): LogClosedError {
  return new LogClosedError({ message: "The log is closed", fix: "Open it again with openLog." });
}
