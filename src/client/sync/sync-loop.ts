/**
 * The sync loop: one step at a time, at its own pace.
 *
 * Place: runs in every tab and rests where the tab is not the leader. It moves answers from the transport to the engine; what
 * to do next is `sync-state`'s word.
 * Holds: outside events only set facts and wake it; one push or pull is under way at a time; an answer belongs to the generation in which
 * it was asked for. Live records wait in a bounded inbox; what does not fit is pulled.
 */
import { DacapoError, toPlainError } from "../../core/values/errors.ts";
import type { Json } from "../../core/values/json.ts";
import type { Page, Presence, RejectedOutcome } from "../../core/wire/messages.ts";
import { positionOf } from "../../core/history/record.ts";
import type { Engine } from "../engine/engine.ts";
import type { Env } from "../env/env.ts";
import { classifyFailure } from "./classify-failure.ts";
import { dropConfirmed, goneError, serverLostRevokedHistory, resolveDivergence } from "./resolve-divergence.ts";
import { pushBatch } from "./push-batch.ts";
import {
  afterAnswer,
  afterFailure,
  afterDivergence,
  afterSocketAsked,
  afterSocketLost,
  afterSocketOpened,
  afterTooLarge,
  afterWake,
  initialSyncState,
  LATER_MS,
  mayConnect,
  nextStep,
  type Step,
  type SyncState,
  socketCursorOf,
} from "./sync-state.ts";
import type { Fetched, ClientSocket, Transport } from "./transport.ts";
import { UnreachableError } from "./unreachable-error.ts";

/** Live frames that wait for the engine; more are dropped and pulled instead. */
const INBOX_MAX = 64;

export type SyncLoopOptions = {
  readonly engine: Engine;
  readonly transport: Transport;
  readonly env: Env;
  readonly domainVersion: number;
  /** Told when facts changed. */
  readonly changed: () => void;
  readonly presence: (set: readonly Presence[], gone: readonly string[] | "all") => void;
};

type Frame = { readonly page: Page; readonly text: string; readonly generation: number };

export class SyncLoop {
  readonly #options: SyncLoopOptions;
  #facts: SyncState = initialSyncState;
  #socket: ClientSocket | null = null;
  #inbox: Frame[] = [];
  #presence: Json | undefined = undefined;
  #ended = false;
  /** Set while the loop rests; what would still be rest does not wake it. */
  #resting: { readonly until: number | null; readonly wake: () => void } | null = null;

  constructor(options: SyncLoopOptions) {
    this.#options = options;
    this.#facts = { ...initialSyncState, online: options.env.online() };
    void this.#run();
  }

  get state(): SyncState {
    return this.#facts;
  }

  /** There is something new to look at: a commit was appended, a tab wrote. */
  wake(): void {
    if (!this.#resting) return;
    const step = this.#nextStep();
    const rests = !this.#ended && this.#inbox.length === 0 && step.do === "rest" && step.until === this.#resting.until;
    if (!rests) this.#resting.wake();
  }

  setLeader(leader: boolean): void {
    this.#set({ leader, isFresh: false });
  }

  setPaused(paused: boolean): void {
    this.#set(paused ? { paused } : { ...afterWake(this.#facts), paused });
  }

  setOnline(online: boolean): void {
    this.#set(online ? { ...afterWake(this.#facts), online } : { online });
  }

  /** Someone looks at the page again: what stood may be stale. */
  markStale(): void {
    this.#set(afterWake(this.#facts));
  }

  /** The page was frozen: its socket may be dead without saying so. */
  resumeFromFreeze(): void {
    this.#closeSocket();
    this.markStale();
  }

  setPresence(data: Json): void {
    this.#presence = data;
    this.#socket?.setPresence(this.#options.engine.head.client, data);
  }

  close(): void {
    this.#ended = true;
    this.#closeSocket();
    this.wake();
  }

  #set(change: Partial<SyncState>): void {
    this.#facts = { ...this.#facts, ...change };
    if (!mayConnect(this.#facts)) this.#closeSocket();
    this.#options.changed();
    this.wake();
  }

  async #run(): Promise<void> {
    while (!this.#ended) {
      const frame = this.#inbox.shift();
      if (frame) {
        await this.#guard(() => this.#takeFrame(frame));
        continue;
      }
      const step = this.#nextStep();
      if (step.do === "rest") await this.#rest(step.until);
      else await this.#guard(() => this.#take(step));
    }
  }

  #nextStep(): Step {
    const { env, engine } = this.#options;
    return nextStep(this.#facts, {
      now: env.elapsed(),
      cursor: engine.replica.cursor,
      pending: engine.pendingCount,
      refills: engine.head.dropped !== null,
    });
  }

  async #rest(until: number | null): Promise<void> {
    const { env } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = until === null ? () => {} : env.setTimer(resolve, Math.max(0, until - env.elapsed()));
      this.#resting = {
        until,
        wake: () => {
          cancel();
          resolve();
        },
      };
    });
    this.#resting = null;
  }

  #take(step: Exclude<Step, { do: "rest" }>): Promise<void> {
    switch (step.do) {
      case "push":
        return this.#push();
      case "pull":
        return this.#pull();
      case "part":
        return this.#part();
      case "connect":
        return this.#connect();
    }
  }

  async #push(): Promise<void> {
    const { engine, transport, domainVersion, env } = this.#options;
    const { generation } = engine.head;
    const commits = pushBatch(engine.pending, this.#facts.pushMax);
    const sentOnly = commits.length === 1 ? commits[0] : undefined;
    let fetched;
    try {
      fetched = await transport.push(engine.replica.cursor, domainVersion, commits);
    } catch (error) {
      if (!(error instanceof DacapoError) || error.details["code"] !== "too-large") throw error;
      if (!sentOnly) return this.#set(afterTooLarge(this.#facts, commits.length));
      return this.#endRejected(
        {
          id: sentOnly.id,
          outcome: "rejected",
          command: 0,
          code: "too-large",
          message: "The commit is larger than the server takes",
        },
        generation,
      );
    }
    const answer = this.#answered(fetched);
    if (!answer) return;
    const before = this.#standing();
    await engine.confirm({ page: answer.answer, text: answer.text, outcomes: answer.answer.outcomes }, generation);
    const later = answer.answer.stopped !== undefined;
    if (!later) this.#requireProgress(before, "a push");
    this.#set({
      ...afterAnswer(this.#facts, answer.answer.head, this.#time()),
      pushMax: Math.min(this.#facts.pushMax * 2, initialSyncState.pushMax),
      pushNotBefore: later ? env.elapsed() + LATER_MS : 0,
    });
  }

  async #pull(): Promise<void> {
    const { engine, transport } = this.#options;
    const { generation } = engine.head;
    const fetched = this.#answered(await transport.pull(engine.replica.cursor, null));
    if (!fetched) return;
    const before = this.#standing();
    if (!(await this.#takePage(fetched.answer, fetched.text, generation))) return;
    if (fetched.answer.head > positionOf(engine.replica.cursor) || engine.head.dropped !== null)
      this.#requireProgress(before, "a pull");
    this.#set(afterAnswer(this.#facts, fetched.answer.head, this.#time()));
  }

  /** False where the page shows that histories have parted while the log was dropped: nothing of it was taken. */
  async #takePage(page: Page, text: string, generation: number): Promise<boolean> {
    const { engine } = this.#options;
    if (
      engine.head.generation === generation &&
      serverLostRevokedHistory(page, engine.head.dropped, engine.replica.cursor)
    ) {
      this.#set({ diverged: true });
      return false;
    }
    await engine.confirm({ page, text, outcomes: [] }, generation);
    return true;
  }

  #time(): { readonly now: number; readonly elapsed: number } {
    const { env } = this.#options;
    return { now: env.now(), elapsed: env.elapsed() };
  }

  #standing(): string {
    const { replica, head, pendingCount } = this.#options.engine;
    return `${head.generation} ${positionOf(replica.cursor)} ${pendingCount}`;
  }

  /** A server whose answers lead nowhere is asked again later, not at once and for ever. */
  #requireProgress(before: string, what: string): void {
    if (this.#standing() === before)
      throw new UnreachableError(`The sync server's answer to ${what} changed nothing`, null);
  }

  async #takeFrame({ page, text, generation }: Frame): Promise<void> {
    const { env } = this.#options;
    if (await this.#takePage(page, text, generation))
      this.#set({ head: Math.max(this.#facts.head, page.head), lastSyncedAt: env.now() });
  }

  async #part(): Promise<void> {
    this.#closeSocket();
    this.#inbox = [];
    await resolveDivergence(this.#options.engine, this.#options.transport);
    const { env } = this.#options;
    this.#set(afterDivergence(this.#facts, env.elapsed(), () => env.chance()));
  }

  async #connect(): Promise<void> {
    const { engine, transport, env, presence } = this.#options;
    const { generation } = engine.head;
    const { cursor } = engine.replica;
    this.#set(afterSocketAsked(this.#facts, cursor));
    const socket: ClientSocket = transport.live(cursor, {
      opened: () => this.#set(afterSocketOpened(this.#facts, env.elapsed())),
      records: (page, text) => {
        this.#facts = { ...this.#facts, socketCursor: socketCursorOf(page.cursor) };
        if (this.#inbox.length < INBOX_MAX) this.#inbox.push({ page, text, generation });
        else this.#set({ head: Math.max(this.#facts.head, page.head) });
        this.wake();
      },
      head: (position) =>
        this.#set({ head: Math.max(this.#facts.head, position), socketCursor: { position, mark: null } }),
      presence,
      closed: (code, retryAfterMs) => {
        if (this.#socket !== socket) return;
        this.#socket = null;
        presence([], "all");
        const facts = afterSocketLost(this.#facts, env.elapsed(), env.chance(), retryAfterMs);
        this.#set(code === "diverged" ? { ...facts, diverged: true } : facts);
      },
    });
    this.#socket = socket;
    if (this.#presence !== undefined) socket.setPresence(engine.head.client, this.#presence);
  }

  /** A good answer, or null after what else was told has been noted. */
  #answered<T>(fetched: Fetched<T>): Extract<Fetched<T>, { kind: "answer" }> | null {
    if (fetched.kind === "answer") return fetched;
    if (fetched.kind === "diverged") this.#set({ diverged: true });
    else this.#stop(goneError());
    return null;
  }

  /** Ends one commit on this device's own word, since the server cannot even be asked about it. */
  #endRejected(outcome: RejectedOutcome, generation: number): Promise<void> {
    const { engine } = this.#options;
    const { cursor } = engine.replica;
    return engine.confirm(
      { page: { after: cursor, records: [], cursor, head: 0, more: false }, text: "", outcomes: [outcome] },
      generation,
    );
  }

  async #guard(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (this.#ended) return;
      const { env } = this.#options;
      const { mustMend, rightLost, retryAfterMs, warning } = classifyFailure(error, this.#facts.failures);
      if (rightLost) await dropConfirmed(this.#options.engine).catch(() => {});
      if (mustMend) this.#stop(error);
      else this.#set({ ...afterFailure(this.#facts, env.elapsed(), env.chance(), retryAfterMs), warning });
    }
  }

  #stop(error: unknown): void {
    this.#set({ stopped: toPlainError(error) });
  }

  #closeSocket(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    if (socket || this.#facts.socket !== "closed") this.#facts = { ...this.#facts, socket: "closed" };
    if (socket) this.#options.presence([], "all");
  }
}
