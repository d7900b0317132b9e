/**
 * The sync loop of one tab: runs the next step, one at a time, and turns its result into a signal.
 *
 * Place: runs in every tab, and rests where the tab is not the leader. `sync-state` decides; the engine stores; the
 * transport calls.
 * Guarantees:
 * - Only `#dispatch` writes the state.
 * - At most one call is under way, except that reading goes on beside a push without an answer.
 * - The engine ignores an answer from before a divergence, because each answer names the generation of its request.
 */
import { DacapoError, toPlainError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import type { Presence } from "../../core/wire/messages.ts";
import { positionOf } from "../../core/history/record.ts";
import type { Engine } from "../engine/engine.ts";
import { rejectionAnswer } from "../engine/plan-confirmation.ts";
import type { Env } from "../env/env.ts";
import type { WhenStuck } from "../messages/worker-messages.ts";
import { classifyFailure } from "./classify-failure.ts";
import { type Frame, LiveFeed } from "./live-feed.ts";
import { dropConfirmed, goneError, serverLostRevokedHistory, resolveDivergence } from "./resolve-divergence.ts";
import { pushBatch, queueOf } from "./push-queue.ts";
import { Rest } from "./rest.ts";
import { reduce, type Signal } from "./reduce-sync.ts";
import { initialSyncState, nextStep, type Step, type SyncState, tries } from "./sync-state.ts";
import type { Fetched, Transport } from "./transport.ts";
import { undecidedError, unchangedError } from "./unreachable-error.ts";
import type { CommitId } from "../../core/values/ids.ts";

/** After this time without an answer to a push, the loop reads on. */
const PUSH_MS_MAX = 2_000;
const NONE_STUCK = { sendable: [], stuck: [] } as const;

export type SyncLoopOptions = {
  readonly engine: Engine;
  readonly transport: Transport;
  readonly env: Env;
  readonly domainVersion: number;
  readonly whenStuck: WhenStuck;
  /** Called after each signal. */
  readonly changed: () => void;
  readonly presence: (set: readonly Presence[], gone: readonly string[] | "all") => void;
};

export class SyncLoop {
  readonly #options: SyncLoopOptions;
  readonly #feed: LiveFeed;
  #state: SyncState;
  #closed = false;
  #isPushing = false;
  readonly #rest: Rest;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    const { transport, presence } = options;
    this.#feed = new LiveFeed({ transport, presence, signal: (signal) => this.#dispatch(signal) });
    this.#state = { ...initialSyncState, tab: { ...initialSyncState.tab, isOnline: options.env.online() } };
    this.#rest = new Rest(options.env);
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
    if (!this.#rest.isOn) return;
    const step = this.#nextStep();
    const isUnchanged = step.do === "rest" && step.until === this.#rest.until;
    if (this.#closed || !this.#feed.isEmpty || !isUnchanged) this.#rest.end();
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
      else if (step.do === "rest") await this.#rest.wait(step.until);
      else if (step.do === "push") await this.#startPush();
      else {
        const next = step.do;
        await this.#guard(() => this.#execute(next));
      }
    }
  }

  /** Waits for a push, but only for a short time, because a filter may let it hang. */
  async #startPush(): Promise<void> {
    this.#isPushing = true;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.env.setTimer(resolve, PUSH_MS_MAX);
      void this.#guard(() => this.#push()).then(() => {
        this.#isPushing = false;
        cancel();
        resolve();
        this.#rest.end();
      });
    });
  }

  #nextStep(): Step {
    const { env, engine, whenStuck } = this.#options;
    const { stuck: known } = this.#state.push;
    const { sendable, stuck } = known.length === 0 ? NONE_STUCK : queueOf(engine.pending, known, whenStuck);
    return nextStep(this.#state, {
      now: env.elapsed(),
      cursor: engine.replica.cursor,
      pending: this.#isPushing ? 0 : known.length === 0 ? engine.pendingCount : sendable.length,
      stuckAt: this.#isPushing || stuck.length === 0 ? null : Math.min(...stuck.map(({ notBefore }) => notBefore)),
      isRefilling: engine.head.dropped !== null,
    });
  }

  #execute(step: Exclude<Step["do"], "rest" | "push">): Promise<void> {
    switch (step) {
      case "pull":
        return this.#pull();
      case "resolve-divergence":
        return this.#resolveDivergence();
      case "connect":
        return this.#connect();
    }
  }

  async #push(): Promise<void> {
    const { engine, transport, domainVersion, env, whenStuck } = this.#options;
    const { generation } = engine.head;
    const { push } = this.#state;
    const { sendable, stuck } = queueOf(engine.pending, push.stuck, whenStuck);
    const due = stuck.find(({ notBefore }) => notBefore <= env.elapsed());
    // A stuck commit is sent alone, because otherwise it would take other commits with it.
    const commits = due
      ? engine.pending.flatMap(({ commit }) => (commit.id === due.id ? [commit] : []))
      : pushBatch(sendable, push.max);
    const sent = commits.map(({ id }) => id);
    const before = this.#storeFingerprint();
    let fetched;
    try {
      fetched = await transport.push(engine.replica.cursor, domainVersion, commits);
    } catch (error) {
      if (!(error instanceof DacapoError) || error.details["code"] !== "too-large")
        return this.#pushFailed(error, sent);
      const [first, ...others] = commits;
      if (!first || others.length > 0) return this.#dispatch({ type: "push-too-large", sent: commits.length });
      return this.#rejectTooLarge(first.id, generation);
    }
    const answered = this.#answerOf(fetched);
    if (!answered) return;
    const { answer, text } = answered;
    await engine.confirm({ page: answer, text, outcomes: answer.outcomes }, generation);
    const stopped = answer.stopped ? { id: answer.stopped.id, error: undecidedError(answer.stopped.code) } : null;
    if (!stopped && this.#storeFingerprint() === before) return this.#pushFailed(unchangedError("a push"), sent);
    this.#dispatch({ type: "push-answered", sent, stopped, head: answer.head });
  }

  /** A push that fails for now does not delay reading. Any other failure is one of the whole loop. */
  #pushFailed(error: unknown, sent: readonly CommitId[]): void {
    const plain = toPlainError(error);
    if (plain.code !== "unreachable") throw error;
    const { retryAfterMs, isSuspicious } = classifyFailure(error, 0);
    this.#dispatch({ type: "push-failed", sent, error: plain, retryAfterMs, isSuspicious });
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
    const answered = this.#answerOf(await transport.pull(engine.replica.cursor, null));
    if (!answered) return;
    const { answer, text } = answered;
    const before = this.#storeFingerprint();
    if (!(await this.#confirmPage({ page: answer, text, generation }))) return;
    const isBehind = answer.head > positionOf(engine.replica.cursor) || engine.head.dropped !== null;
    if (isBehind && this.#storeFingerprint() === before) throw unchangedError("a pull");
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
