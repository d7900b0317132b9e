/**
 * The sync loop of one tab: runs the next step, one at a time, and turns its result into a signal.
 *
 * Place: runs in every tab, and rests if the tab is not the leader. `sync-state` decides, and the engine stores.
 * Guarantees:
 * - Only `#dispatch` writes the state.
 * - At most one call is under way. But reading continues beside a push that has no answer yet.
 * - An answer from before a divergence changes nothing, because each request remembers its generation.
 */
import { toPlainError } from "../../core/values/plain-error.ts";
import type { Json } from "../../core/values/json.ts";
import type { Presence, PushAnswer } from "../../core/wire/messages.ts";
import { positionOf } from "../../core/history/record.ts";
import type { Engine } from "../engine/engine.ts";
import { rejectionAnswer } from "../engine/plan-confirmation.ts";
import { storeFingerprint } from "../engine/log-summary.ts";
import type { Env } from "../env/env.ts";
import type { WhenStuck } from "../messages/worker-messages.ts";
import { classifyFailure } from "./classify-failure.ts";
import { type Frame, LiveFeed } from "./live-feed.ts";
import { dropConfirmed, goneError, serverLostRevokedHistory, resolveDivergence } from "./resolve-divergence.ts";
import { Joining } from "./joining.ts";
import { SMALL_PUSH_BYTES } from "./call-size.ts";
import { meteredCall } from "./metered-call.ts";
import { planPush, type PushPlan, pushRefusalOf, TOO_LARGE } from "./plan-push.ts";
import { type Behind, behindNow, joinRecorded } from "./push-queue.ts";
import { Rest } from "./rest.ts";
import { reduce, type Signal, SLOW_MS } from "./reduce-sync.ts";
import { syncInputs } from "./sync-inputs.ts";
import { initialSyncState, nextStep, type Step, type SyncState, tries } from "./sync-state.ts";
import type { CallOptions, Fetched, Transport } from "./transport.ts";
import { undecidedError, unchangedError } from "./unreachable-error.ts";
import type { CommitId } from "../../core/values/ids.ts";

/** After this time without an answer to a push, the loop reads on. */
const PUSH_MS_MAX = 2_000;

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
  #state = initialSyncState;
  #closed = false;
  #isPushing = false;
  readonly #rest: Rest;
  readonly #joining: Joining;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    const { transport, presence } = options;
    this.#feed = new LiveFeed({ transport, presence, signal: (signal) => this.#dispatch(signal) });
    this.#rest = new Rest(options.env);
    this.#joining = new Joining(options.engine, transport);
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

  networkChanged(): void {
    this.#dispatch({ type: "network-changed" });
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
      else await this.#execute(step.do);
    }
  }

  /** Waits for a push, but only for a short time, because a filter may let it hang. */
  async #startPush(): Promise<void> {
    this.#isPushing = true;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.env.setTimer(resolve, PUSH_MS_MAX);
      void this.#guard(() => this.#push(), true).then(() => {
        this.#isPushing = false;
        cancel();
        resolve();
        this.#rest.end();
      });
    });
  }

  #nextStep(): Step {
    const { env, engine, whenStuck } = this.#options;
    const inputs = syncInputs(this.#state, { engine, whenStuck, now: env.elapsed(), isPushing: this.#isPushing });
    return nextStep(this.#state, inputs);
  }

  #execute(step: Exclude<Step["do"], "rest" | "push">): Promise<void> {
    const run = {
      pull: () => this.#pull(),
      connect: () => this.#connect(),
      "resolve-divergence": () => this.#resolve(),
    };
    return this.#guard(run[step]);
  }

  get #behind(): Behind | null {
    return behindNow(this.#state.behind, this.#options.engine.replica.cursor);
  }

  async #push(): Promise<void> {
    const { engine, env, whenStuck } = this.#options;
    const [{ generation, droppedEnd }, asked] = [engine.head, this.#state];
    const cursor = droppedEnd ?? engine.replica.cursor;
    const facts = { pending: engine.pending, cursor, now: env.elapsed(), whenStuck };
    const plan = planPush(asked, facts);
    const sent = plan.commits.map(({ id }) => id);
    const before = storeFingerprint(engine);
    let fetched;
    try {
      if (asked.size.gzip === null && plan.bytes > SMALL_PUSH_BYTES) return await this.#readLimits();
      fetched = await this.#send(plan);
    } catch (error) {
      const refusal = pushRefusalOf(error, plan, asked.size);
      if (!refusal) return this.#pushFailed(error, sent);
      if ("type" in refusal) return this.#dispatch(refusal);
      return engine.confirm(rejectionAnswer(refusal.tooLarge, TOO_LARGE, engine.replica.cursor), generation);
    }
    const answered = engine.head.generation === generation ? this.#answerOf(fetched) : null;
    if (!answered) return;
    const { answer, text } = answered;
    const given = { page: answer, text, outcomes: answer.outcomes };
    if (!(await this.#joining.join(given))) await engine.confirm(given, generation);
    const stopped = answer.stopped ? { id: answer.stopped.id, error: undecidedError(answer.stopped.code) } : null;
    const behind = joinRecorded(plan.behind, plan, answer, engine.replica.cursor);
    const isUnchanged = storeFingerprint(engine) === before && behind?.ids.length === plan.behind?.ids.length;
    if (!stopped && isUnchanged) return this.#pushFailed(unchangedError("a push"), sent);
    this.#dispatch({ type: "push-answered", ...answer, sent, stopped, behind, asked });
  }

  #send({ commits, bytes, after, wantsRecords }: PushPlan): Promise<Fetched<PushAnswer>> {
    const { transport, domainVersion } = this.#options;
    return this.#call(bytes, (call) =>
      transport.push(after, domainVersion, commits, { ...call, ...(!wantsRecords && { pageBytes: 0 }) }),
    );
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

  /** A push that fails for now does not delay reading. Any other failure is one of the whole loop. */
  #pushFailed(error: unknown, sent: readonly CommitId[]): void {
    const plain = toPlainError(error);
    const { retryAfterMs, isSuspicious } = classifyFailure(error, 0);
    if (plain.code !== "unreachable" && !isSuspicious) throw error;
    this.#dispatch({ type: "push-failed", sent, error: plain, retryAfterMs, isSuspicious });
  }

  async #pull(): Promise<void> {
    const { engine, transport } = this.#options;
    await this.#joining.ended;
    const [{ generation }, { cursor }, behind, asked] = [engine.head, engine.replica, this.#behind, this.#state];
    const answered = this.#answerOf(await this.#call(null, (call) => transport.pull(cursor, null, call)));
    if (!answered) return;
    const { answer, text } = answered;
    // The server went back and lost recorded commits. Otherwise later commits would be recorded before them.
    if (behind && answer.head < behind.at.position) return this.#dispatch({ type: "diverged" });
    const before = storeFingerprint(engine);
    const isJoined = engine.pendingCount === 0 && (await this.#joining.join({ page: answer, text, outcomes: [] }));
    if (!isJoined && !(await this.#confirmPage({ page: answer, text, generation }))) return;
    const isBehind = answer.head > positionOf(engine.replica.cursor) || engine.head.droppedEnd !== null;
    if (isBehind && storeFingerprint(engine) === before) throw unchangedError("a pull");
    this.#dispatch({ type: "pull-answered", ...answer, asked });
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
    const { head, replica } = engine;
    if (head.generation === generation && serverLostRevokedHistory(page, head.droppedEnd, replica.cursor)) {
      this.#dispatch({ type: "diverged" });
      return false;
    }
    await engine.confirm({ page, text, outcomes: [] }, generation);
    return true;
  }

  async #resolve(): Promise<void> {
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

  async #guard(run: () => Promise<void>, isPush = false): Promise<void> {
    const stopTimer = this.#options.env.setTimer(() => this.#dispatch({ type: "call-slow" }), SLOW_MS);
    try {
      await run();
    } catch (error) {
      if (this.#closed) return;
      const { failures } = tries(this.#state.progress);
      const { needsFix, isReadRevoked, retryAfterMs, warning } = classifyFailure(error, failures);
      // If it fails, the next refused call drops it. The refusal is the error that a person must see.
      if (isReadRevoked) await dropConfirmed(this.#options.engine).catch(() => {});
      if (needsFix) this.#dispatch({ type: "stopped", error: toPlainError(error) });
      else this.#dispatch({ type: "failed", retryAfterMs, warning, pushError: isPush ? toPlainError(error) : null });
    } finally {
      stopTimer();
    }
  }
}
