/**
 * The engine of one log in one tab: executes commands, confirms answers of the server, and reports what changed.
 *
 * Place: in the worker, between the store, the sync loop and the page.
 * Guarantees:
 * - One step runs at a time (`StepQueue`). A call from outside waits for its turn.
 * - A step reports only what is durable.
 * - Every write names the state that it was computed on. If that state moved, the step refreshes and computes again.
 * - Commands that wait together share one transaction.
 */
import type { CommandRequest, DomainDefinition } from "../../core/domain/definition.ts";
import type { Commit } from "../../core/history/commit.ts";
import { BugError, DacapoError, LogClosedError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import type { Replica } from "../../core/replica/replica.ts";
import type { RowDelta } from "../../core/fold/rows.ts";
import type { Env } from "../env/env.ts";
import type { Settled } from "../messages/log-types.ts";
import type { LogStore, PendingEntry, RejectionEntry, StoredRows, StoreHead } from "../stores/log-store.ts";
import { answerGroup, appendGroup, bugOf, type CommitLinks, NO_LINKS, type Waiting } from "./append-group.ts";
import { applyConfirmation, type LogClock } from "./apply-confirmation.ts";
import { importArchive } from "./export-import.ts";
import { LocalLog } from "./local-log.ts";
import { type LogSummary, summarizeLog } from "./log-summary.ts";
import { rejectionAnswer, type ServerAnswer } from "./plan-confirmation.ts";
import { RowCache, writeRowCache } from "./row-cache.ts";
import { rowDifferences } from "./row-differences.ts";
import { rejectionOf, settledOf, SettledWaiters } from "./settled-waiters.ts";
import { ReturnedCommits } from "./returned-commits.ts";
import { StepQueue } from "./step-queue.ts";
import type { Actor, CommitId, LogName } from "../../core/values/ids.ts";

/** Commands that share one transaction, at most. */
const GROUP_MAX = 256;
/** How often a step computes again because another tab was faster. Each time, at least one of the tabs succeeds. */
const ATTEMPTS_MAX = 100;

export type EngineOptions = {
  readonly domain: DomainDefinition;
  readonly store: LogStore;
  readonly env: Env;
  readonly user: Actor;
  /**
   * False: no server. Then settled commits are kept for ever, because a server that the log gets later receives all of
   * them.
   */
  readonly synced: boolean;
  /** Called after each step that changed something, with the deltas of all projections. */
  readonly changed: (deltas: readonly RowDelta[]) => void;
  /** Called after each step that wrote, so that other tabs read. */
  readonly wrote: () => void;
};

export class Engine {
  readonly #options: EngineOptions & { readonly clock: LogClock };
  #local: LocalLog;
  readonly #steps = new StepQueue();
  #waiting: Waiting[] = [];
  readonly #settling: SettledWaiters;
  readonly #returned = new ReturnedCommits();
  /** As of the rows that were last reported. */
  #summary: LogSummary;

  static async open(options: EngineOptions): Promise<Engine> {
    return new Engine(options, await LocalLog.load(options.domain, options.store, new RowCache(), options.env.now()));
  }

  private constructor(options: EngineOptions, local: LocalLog) {
    // The clock continues after the latest commit of this device.
    let last = 0;
    for (const { commit } of local.entries.values()) last = Math.max(last, commit.time);
    this.#options = { ...options, clock: { last, server: null } };
    this.#local = local;
    this.#summary = summarizeLog(local, null);
    this.#settling = new SettledWaiters(options.store, (commitId) => this.#local.entries.has(commitId));
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
    return this.#local.written;
  }

  pendingCommit(commitId: CommitId): Commit | null {
    return this.#local.entries.get(commitId)?.commit ?? null;
  }

  get pendingCount(): number {
    return this.#local.writtenCount;
  }

  get summary(): LogSummary {
    return this.#summary;
  }

  get rejections(): readonly RejectionEntry[] {
    return this.#local.rejections;
  }

  /** Decides commands as one commit and resolves with its id when it is durable. */
  execute(requests: readonly CommandRequest[], meta: Json, links: CommitLinks = NO_LINKS): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ requests, meta, links, resolve, reject });
      // The first step that runs executes all commands that wait by then.
      void this.#steps.run(() => this.#executeWaiting()).catch(reject);
    });
  }

  /** Resolves when the commit has settled. It reads first, because another tab may just have made the commit. */
  async settled(commitId: CommitId): Promise<Settled> {
    if (!this.pendingCommit(commitId)) await this.refresh();
    return this.#settling.wait(commitId);
  }

  /** Reads the writes of other tabs. */
  refresh(): Promise<void> {
    return this.#steps.run(() => this.#refresh());
  }

  /**
   * Confirms an answer: records behind the cursor, and outcomes. An answer to a request from before a divergence is
   * ignored.
   */
  confirm(answer: ServerAnswer, generation: number): Promise<void> {
    return this.confirmFrom(() => (this.head.generation === generation ? answer : null));
  }

  /** Confirms an answer that is computed from this device's own state, in the same step. */
  confirmFrom(make: () => ServerAnswer | null): Promise<void> {
    return this.#steps.run(() => this.#confirm(make));
  }

  /** Moves a pending commit, also one of another tab, to the rejections. If its record comes, the rejection ends. */
  async withdraw(commitId: CommitId): Promise<void> {
    await this.refresh();
    const rejection = { code: "withdrawn", message: "Taken out of the queue on this device" };
    await this.confirm(rejectionAnswer(commitId, rejection, this.replica.cursor), this.head.generation);
  }

  async discard(commitId: CommitId): Promise<void> {
    await this.#steps.run(async () => {
      await this.store.removeRejections([commitId]);
      await this.#refresh();
      this.#options.wrote();
    });
  }

  /** The app has shown what became of the commits that returned to the queue. */
  acknowledge(): void {
    this.#returned.acknowledge();
    this.#report([]);
  }

  /** Cuts the log back as `plan` does, or continues with the log that it returns. False: the store moved meanwhile. */
  replaceLog(plan: (local: LocalLog) => Promise<StoreHead | LocalLog | null>, answer?: ServerAnswer): Promise<boolean> {
    return this.#steps.run(async () => {
      await this.#refresh();
      const next = await plan(this.#local);
      if (!next) return false;
      await this.#reload(next instanceof LocalLog ? next : undefined, answer);
      await this.#settling.settleFromStore();
      this.#options.wrote();
      return true;
    });
  }

  /** Begins this empty log at a base. The answer first settles commits that a reader would otherwise see twice. */
  join(base: StoredRows, answer: ServerAnswer): Promise<boolean> {
    const given = { ...answer, page: { ...answer.page, after: base.checkpoint, records: [] } };
    return this.replaceLog(async ({ head, store }) => ((await store.join(head, base)) ? store.head() : null), given);
  }

  /** Writes an exported log into this empty one. */
  import(log: LogName, lines: Iterable<string>): Promise<void> {
    return this.#steps.run(async () => {
      await importArchive(this.store, log, this.#options.user, lines);
      await this.#reload();
      this.#options.wrote();
    });
  }

  /** Stores the folded rows, and seals confirmed batches. The leader does this when the log is quiet. */
  tidy(): Promise<void> {
    return this.#steps.run(async () => {
      await writeRowCache(this.#options.domain, this.replica, this.#local.rows, this.store, this.head);
      await this.store.seal();
    });
  }

  /** @param error the error of each later call */
  async close(
    error: DacapoError = new LogClosedError({ message: "The log is closed", fix: "Open it again with openLog." }),
  ): Promise<void> {
    this.#settling.close(error);
    await this.#steps.close(error);
    this.store.close();
  }

  async #executeWaiting(): Promise<void> {
    const group = this.#waiting.splice(0, GROUP_MAX);
    if (group.length === 0) return;
    try {
      const decided = await this.#retry("appended", async () => {
        const result = await appendGroup(this.#local, group, this.#options);
        if (result === "moved") this.#reportUndone();
        return result;
      });
      if (decided.made.length > 0) this.#reportWritten();
      answerGroup(decided);
    } catch (error) {
      this.#reportUndone();
      const failure = error instanceof DacapoError ? error : bugOf("A commit failed", error);
      for (const { reject } of group) reject(failure);
    }
  }

  async #confirm(make: () => ServerAnswer | null): Promise<void> {
    // After a refresh, the records of this answer may no longer follow the cursor. But its refusals still count.
    const confirmed = await this.#retry("confirmed", async () => {
      const answer = make();
      return answer && applyConfirmation(this.#local, answer, this.#options);
    });
    if (!confirmed) return;
    const ends = [...confirmed.settled.map(settledOf), ...confirmed.rejected.map(rejectionOf)];
    for (const end of ends) this.#returned.settle(end);
    this.#reportWritten();
    for (const end of ends) this.#settling.settle(end);
  }

  /** Tries again after a refresh, as often as another tab is first. */
  async #retry<T>(verb: string, attempt: () => Promise<T | "moved">): Promise<T> {
    for (let attempts = 0; attempts < ATTEMPTS_MAX; attempts++) {
      const result = await attempt();
      if (result !== "moved") return result;
      await this.#refresh();
    }
    throw new BugError(`Other tabs ${verb} first too often`);
  }

  async #refresh(): Promise<void> {
    const settled = await this.#local.refresh(this.#options.env.now());
    if (settled) {
      this.#returned.refreshed(settled, this.#local);
      this.#reportChanged();
      for (const { entry, arrived } of settled)
        if (arrived) this.#settling.settle({ ...arrived, commit: entry.commit.id });
    } else await this.#reload();
    await this.#settling.settleFromStore();
  }

  /** Loads again after a divergence or a rebuild, and reports the rows that differ. */
  async #reload(next?: LocalLog, answer?: ServerAnswer): Promise<void> {
    // A refresh that failed half way has folded rows. They are reported first, because the differences start from them.
    this.#reportChanged();
    const { env, domain } = this.#options;
    const before = this.#local;
    const local = next ?? (await LocalLog.load(domain, this.store, new RowCache(), env.now()));
    if (answer) await applyConfirmation(local, answer, this.#options);
    this.#local = local;
    // The differences contain these changes. Otherwise the next delta would be compared with rows that no page got.
    local.replica.takeDelta();
    this.#returned.reloaded(before, local, env.now());
    this.#report(rowDifferences(domain, before.replica, local.replica));
  }

  #reportWritten(): void {
    this.#reportChanged();
    this.#options.wrote();
  }

  #reportChanged(): void {
    this.#report(this.replica.takeDelta());
  }

  #report(deltas: readonly RowDelta[]): void {
    this.#summary = summarizeLog(this.#local, this.#returned.report);
    this.#options.changed(deltas);
  }

  /**
   * The append failed, so its rows were removed. All touched rows are reported, because a reader may have read them in
   * between.
   */
  #reportUndone(): void {
    this.#report(this.replica.takeDelta("all touched"));
  }
}
