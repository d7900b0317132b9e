/**
 * The sync loop of one tab: runs the next step, one at a time, and turns its result into a signal.
 *
 * Place: runs in every tab, and rests where the tab is not the leader. `sync-state` decides; the engine stores; the
 * transport calls.
 * Guarantees:
 * - Only `#dispatch` writes the state.
 * - At most one call is under way.
 * - The engine ignores an answer from before a divergence, because each answer names the generation of its request.
 */
import { DacapoError, toPlainError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import { positionOf } from "../../core/history/record.ts";
import type { Engine } from "../engine/engine.ts";
import { rejectionAnswer } from "../engine/plan-confirmation.ts";
import type { Env } from "../env/env.ts";
import { classifyFailure } from "./classify-failure.ts";
import { type Frame, LiveFeed } from "./live-feed.ts";
import { meteredCall } from "./metered-call.ts";
import { dropConfirmed, goneError, serverLostRevokedHistory, resolveDivergence } from "./resolve-divergence.ts";
import { SMALL_PUSH_BYTES } from "./call-size.ts";
import { pushBatch, type Sent, sentBehind, sentNow, unsent } from "./push-batch.ts";
import { reduce, type Signal } from "./reduce-sync.ts";
import { initialSyncState, nextStep, type Step, type SyncState, tries } from "./sync-state.ts";
import type { CallOptions, Fetched, Transport } from "./transport.ts";
import { UnreachableError } from "./unreachable-error.ts";
import type { CommitId } from "../../core/values/ids.ts";

export type SyncLoopOptions = {
  readonly engine: Engine;
  readonly transport: Transport;
  readonly env: Env;
  readonly domainVersion: number;
  /** Called after each signal. */
  readonly changed: () => void;
  readonly presence: (set: readonly Presence[], gone: readonly string[] | "all") => void;
};

export class SyncLoop {
  readonly #options: SyncLoopOptions;
  readonly #feed: LiveFeed;
  #state: SyncState;
  #closed = false;
  /** Set while the loop rests. */
  #resting: { readonly until: number | null; readonly end: () => void } | null = null;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    const { transport, presence } = options;
    this.#feed = new LiveFeed({ transport, presence, signal: (signal) => this.#dispatch(signal) });
    this.#state = { ...initialSyncState, tab: { ...initialSyncState.tab, isOnline: options.env.online() } };
    void this.#run();
  }

  get state(): SyncState {
    return this.#state;
  }

  /**
   * There may be something new to do: a commit was appended, or another tab wrote. A loop that would rest again is not
   * woken.
   */
  wake(): void {
    if (!this.#resting) return;
    const step = this.#nextStep();
    const isUnchanged = step.do === "rest" && step.until === this.#resting.until;
    if (this.#closed || !this.#feed.isEmpty || !isUnchanged) this.#resting.end();
  }

  setLeader(isLeader: boolean): void {
    this.#dispatch({ type: "leader-changed", isLeader });
  }

  setPaused(isPaused: boolean): void {
    this.#dispatch({ type: "paused-changed", isPaused });
  }

  setOnline(isOnline: boolean): void {
    this.#dispatch({ type: "online-changed", isOnline });
  }

  /** The local log may be stale, because a person views the page again. */
  markStale(): void {
    this.#dispatch({ type: "became-visible" });
  }

  /** The page was frozen, so its socket may be dead without a report. */
  resumeFromFreeze(): void {
    this.#dispatch({ type: "resumed" });
  }

  setPresence(data: Json): void {
    this.#feed.setPresence(this.#options.engine.head.client, data);
  }

  close(): void {
    this.#closed = true;
    this.#dispatch({ type: "socket-closed" });
  }

  #dispatch(signal: Signal): void {
    const { env } = this.#options;
    this.#state = reduce(this.#state, signal, { now: env.now(), elapsed: env.elapsed(), chance: env.chance() });
    if (this.#state.socket.kind === "closed") this.#feed.close();
    this.#options.changed();
    this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const frame = this.#feed.shiftFrame();
      const step = this.#nextStep();
      if (frame) await this.#guard(() => this.#confirmFrame(frame));
      else if (step.do === "rest") await this.#rest(step.until);
      else await this.#guard(() => this.#execute(step.do));
    }
  }

  #nextStep(): Step {
    const { env, engine } = this.#options;
    return nextStep(this.#state, {
      now: env.elapsed(),
      cursor: engine.replica.cursor,
      pending: this.#sent ? unsent(engine.pending, this.#sent).length : engine.pendingCount,
      isRefilling: engine.head.dropped !== null,
    });
  }

  async #rest(until: number | null): Promise<void> {
    const { env } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = until === null ? () => {} : env.setTimer(resolve, Math.max(0, until - env.elapsed()));
      this.#resting = {
        until,
        end: () => {
          cancel();
          resolve();
        },
      };
    });
    this.#resting = null;
  }

  #execute(step: Exclude<Step["do"], "rest">): Promise<void> {
    switch (step) {
      case "push":
        return this.#push();
      case "pull":
        return this.#pull();
      case "resolve-divergence":
        return this.#resolveDivergence();
      case "connect":
        return this.#connect();
    }
  }

  get #sent(): Sent | null {
    return sentNow(this.#state.push.sent, this.#options.engine.replica.cursor);
  }

  async #push(): Promise<void> {
    const { engine, transport, domainVersion } = this.#options;
    const { size } = this.#state;
    const { generation } = engine.head;
    const sent = this.#sent;
    const batch = pushBatch(unsent(engine.pending, sent), size);
    if (size.gzip === null && batch.bytes > SMALL_PUSH_BYTES) return this.#readLimits();
    const commits = batch.entries.map(({ commit }) => commit);
    // After sent commits, the server checks their mark and sends no records, because a pull gets all of them in order.
    const after = sent?.at ?? engine.replica.cursor;
    let fetched;
    try {
      fetched = await this.#call(batch.bytes, (call) =>
        transport.push(after, domainVersion, commits, { ...call, ...(sent && { pageBytes: 0 }) }),
      );
    } catch (error) {
      const code = error instanceof DacapoError ? error.details["code"] : null;
      if (code === "unsupported-media-type" && size.gzip) return this.#dispatch({ type: "gzip-refused" });
      if (code !== "too-large") throw error;
      const [only, ...others] = commits;
      if (only && others.length === 0) return this.#rejectTooLarge(only.id, generation);
      return this.#dispatch({ type: "push-too-large", bytes: batch.bytes });
    }
    const answered = this.#answerOf(fetched);
    if (!answered) return;
    const { answer, text } = answered;
    const before = this.#storeFingerprint();
    await engine.confirm({ page: answer, text, outcomes: answer.outcomes }, generation);
    const isPostponed = answer.stopped !== undefined;
    const sentMore = sentBehind(batch, answer, engine.replica.cursor);
    if (!isPostponed && !sentMore) this.#requireProgress(before, "a push");
    this.#dispatch({ type: "push-answered", isPostponed, head: answer.head, sent: sentMore });
  }

  async #readLimits(): Promise<void> {
    const answered = this.#answerOf(await this.#options.transport.info());
    if (answered) this.#dispatch({ type: "limits-read", info: answered.answer });
  }

  /** `pushed`: the bytes of its commits. Null: a pull. */
  #call<T>(pushed: number | null, run: (call: CallOptions) => Promise<T>): Promise<T> {
    const { size } = this.#state;
    return meteredCall(this.#options.env, size, (signal) => this.#dispatch(signal), pushed, run);
  }

  /** Rejects a single commit on this device, because the server cannot read it and so cannot reject it. */
  #rejectTooLarge(commitId: CommitId, generation: number): Promise<void> {
    const { engine } = this.#options;
    const rejection = { code: "too-large", message: "The commit is larger than the server takes" };
    return engine.confirm(rejectionAnswer(commitId, rejection, engine.replica.cursor), generation);
  }

  async #pull(): Promise<void> {
    const { engine, transport } = this.#options;
    const { generation } = engine.head;
    const { cursor } = engine.replica;
    const answered = this.#answerOf(await this.#call(null, (call) => transport.pull(cursor, null, call)));
    if (!answered) return;
    const { answer, text } = answered;
    // The server went back and lost sent commits. Otherwise later commits would be recorded before them.
    if (answer.head < (this.#sent?.at.position ?? 0)) return this.#dispatch({ type: "diverged" });
    const before = this.#storeFingerprint();
    if (!(await this.#confirmPage({ page: answer, text, generation }))) return;
    if (answer.head > positionOf(engine.replica.cursor) || engine.head.dropped !== null)
      this.#requireProgress(before, "a pull");
    this.#dispatch({ type: "pull-answered", head: answer.head });
  }

  async #confirmFrame(frame: Frame): Promise<void> {
    if (await this.#confirmPage(frame)) this.#dispatch({ type: "frame-confirmed", head: frame.page.head });
  }

  /**
   * False: the page shows that the server lost history while the right to read was revoked. The engine has taken none
   * of it.
   */
  async #confirmPage({ page, text, generation }: Frame): Promise<boolean> {
    const { engine } = this.#options;
    const { dropped: revokedAt } = engine.head;
    if (engine.head.generation === generation && serverLostRevokedHistory(page, revokedAt, engine.replica.cursor)) {
      this.#dispatch({ type: "diverged" });
      return false;
    }
    await engine.confirm({ page, text, outcomes: [] }, generation);
    return true;
  }

  #storeFingerprint(): string {
    const { replica, head, pendingCount } = this.#options.engine;
    return `${head.generation} ${positionOf(replica.cursor)} ${pendingCount}`;
  }

  /** An answer that changes nothing counts as a failure. Otherwise the loop would call again at once, without end. */
  #requireProgress(before: string, what: string): void {
    if (this.#storeFingerprint() === before)
      throw new UnreachableError(`The sync server's answer to ${what} changed nothing`, null);
  }

  async #resolveDivergence(): Promise<void> {
    const { engine, transport } = this.#options;
    this.#dispatch({ type: "socket-closed" });
    this.#feed.clearInbox();
    await resolveDivergence(engine, transport);
    this.#dispatch({ type: "divergence-resolved" });
  }

  async #connect(): Promise<void> {
    const { head, replica } = this.#options.engine;
    this.#dispatch({ type: "socket-requested", cursor: replica.cursor });
    this.#feed.connect(replica.cursor, head.generation);
  }

  /** The answer, or null after another result was dispatched. */
  #answerOf<T>(fetched: Fetched<T>): Extract<Fetched<T>, { kind: "answer" }> | null {
    if (fetched.kind === "answer") return fetched;
    if (fetched.kind === "diverged") this.#dispatch({ type: "diverged" });
    else this.#dispatch({ type: "stopped", error: toPlainError(goneError()) });
    return null;
  }

  async #guard(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (this.#closed) return;
      const { failures } = tries(this.#state.progress);
      const { needsFix, isReadRevoked, retryAfterMs, warning } = classifyFailure(error, failures);
      if (isReadRevoked) await dropConfirmed(this.#options.engine).catch(() => {});
      if (needsFix) this.#dispatch({ type: "stopped", error: toPlainError(error) });
      else this.#dispatch({ type: "failed", retryAfterMs, warning });
    }
  }
}
