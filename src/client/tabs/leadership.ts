/**
 * Elects the tab that syncs.
 *
 *   waiting ── lock granted ───────► leading ── higher claim, stopCompeting, close ──► waiting / ended
 *      └── leader silent, or stopped while ─┘└── lock stolen ──► waiting
 *          a person acts here: steals the lock
 *
 * Without Web Locks, a tab leads at once. If two tabs lead, they hear the beats of each other, and the lower
 * one yields. A tab leads again when the leader is silent. Without messages, each tab leads.
 *
 * Guarantees:
 * - Correctness never depends on the election, because each write names what it was computed on. It only saves work.
 * - A tab without Web Locks or without messages leads (`tabs.without-locks.test.ts`).
 * - A silent leader loses the lock to a tab that was awake. A frozen tab keeps its Web Lock, so leaders also beat
 *   (`found.test.ts`, seed 112).
 */
import type { Env } from "../env/env.ts";
import { type LeaderSync, outranks, type Rank, type TabMessage, yieldsTo } from "../messages/tab-messages.ts";

const BEAT_MS = 2_000;
/** Milliseconds of silence after which a leader is displaced. Three beats, because a busy leader may miss one. */
const SILENCE_MS_MAX = 3 * BEAT_MS + 500;
/** Milliseconds by which a tab's own timer is late when the tab itself slept. Such a tab cannot judge the silence. */
const ASLEEP_MS = 2 * BEAT_MS;
/** Milliseconds until a leader that yielded requests the lock again, so that the tab that claimed it is first. */
const YIELD_MS = 1_000;

const TIES = 2 ** 32;

export type LeaderOptions = {
  readonly env: Env;
  readonly lock: string;
  readonly domainVersion: number;
  readonly visible: boolean;
  /** True: no message of another tab can arrive. */
  readonly isAlone: boolean;
  /** The state of the store as this tab knows it, as a text to compare. */
  readonly storeFingerprint: () => string;
  /** The progress of syncing, for the tabs that follow. */
  readonly sync: () => LeaderSync;
  readonly post: (message: TabMessage) => void;
  readonly setLeader: (isLeader: boolean) => void;
  /** Runs before each beat. */
  readonly onBeat: () => void;
};

export class Leadership {
  readonly #options: LeaderOptions;
  #isLeader = false;
  #isVisible: boolean;
  /** The progress that the leader last reported, while another tab leads. */
  #leaderSync: LeaderSync | null = null;
  #release: (() => void) | null = null;
  /** Cancels the lock request that waits. */
  #cancel = new AbortController();
  #heardAt: number;
  #isCompeting = true;
  /** A person may have signed in in this tab, and no tab has tried since. */
  #offersLead = true;
  #requests: Promise<void> = Promise.resolve();
  #cancelBeat: () => void = () => {};
  /** Random and above 0 if the browser has no Web Locks for this page. */
  #tie = 0;

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#isVisible = options.visible;
    this.#heardAt = options.env.elapsed();
    // Requests the lock asynchronously, because the callbacks use this object, which the caller does not have yet.
    this.#request(false);
    this.#beatPeriodically();
  }

  get isLeader(): boolean {
    return this.#isLeader;
  }

  /** True: the browser has no Web Locks for this page. */
  get lacksLocks(): boolean {
    return this.#tie > 0;
  }

  get leaderSync(): LeaderSync | null {
    return this.#leaderSync;
  }

  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
  }

  /** Yields the lead and requests it no more, because a tab that does not sync must not block a tab that does. */
  stopCompeting(): void {
    if (!this.#isCompeting) return;
    this.#isCompeting = false;
    this.#cancelRequest();
    this.#release?.();
  }

  /** Requests the lead again. */
  compete(): void {
    if (this.#isCompeting) return;
    this.#isCompeting = true;
    this.#heardAt = this.#options.env.elapsed();
    this.#request(false);
  }

  /** A person may have signed in in this tab. If the leader is stopped, this tab takes the lead once, and tries. */
  offerLead(): void {
    this.#offersLead = true;
    // The leader may have stopped since its last beat. Its answer is a beat.
    if (!this.#isLeader) this.#options.post({ type: "hello" });
    this.#takeStoppedLead();
  }

  /** Handles a message of another tab. */
  receive(message: TabMessage): void {
    if (message.type === "beat" && !this.#isLeader) {
      this.#leaderSync = message.sync;
      if (message.sync.state === "going") this.#offersLead = false;
      this.#takeStoppedLead();
    }
    // Otherwise a new tab could not know for two seconds whether this one is stopped.
    if (message.type === "hello" && this.#isLeader) this.#postBeat();
    if (!this.#isCompeting) return;
    const { env, post } = this.#options;
    if (message.type === "beat") {
      this.#heardAt = env.elapsed();
      const own = this.#rank();
      if (this.#isLeader && this.lacksLocks && this.#yields(message.sync, yieldsTo(own, message.rank)))
        this.#release?.();
      if (!this.#isLeader && outranks(own, message.rank)) {
        post({ type: "claim", rank: own });
        if (this.lacksLocks) this.#steal();
      }
    }
    if (message.type === "claim" && this.#isLeader && outranks(message.rank, this.#rank())) this.#release?.();
  }

  /** Of two leaders without locks, the one that is not stopped stays. */
  #yields({ state }: LeaderSync, isLower: boolean): boolean {
    const isStopped = this.#options.sync().state === "stopped";
    return isStopped === (state === "stopped") ? isLower : isStopped;
  }

  close(): void {
    this.#cancel.abort();
    this.#cancelBeat();
    this.#release?.();
  }

  #rank(): Rank {
    return { domain: this.#options.domainVersion, visible: this.#isVisible, ...(this.#tie > 0 && { tie: this.#tie }) };
  }

  /** Queues a request, because the result of one must not be mistaken for the result of the next. */
  #request(steal: boolean): void {
    const { signal } = this.#cancel;
    this.#requests = this.#requests.then(() => (signal.aborted ? undefined : this.#lead(steal, signal)));
  }

  /** Requests the lock, and leads until the lock is released or stolen. */
  async #lead(steal: boolean, signal: AbortSignal): Promise<void> {
    const { env, lock, isAlone } = this.#options;
    const hold = () => this.#hold(signal);
    try {
      if (!isAlone && !this.lacksLocks) await env.lock(lock, { steal, signal }, hold);
    } catch (error) {
      // The lock was stolen or the request cancelled. Both continue below.
      if (!(error instanceof DOMException && error.name === "AbortError"))
        this.#tie = 1 + Math.floor(env.chance() * TIES);
    }
    if (isAlone || this.lacksLocks) await hold();
    if (this.#isLeader) this.#setLeader(false);
    this.#release = null;
    this.#heardAt = env.elapsed();
    // Without locks, a tab that yielded waits for the leader's silence.
    if (signal.aborted || this.lacksLocks) return;
    signal.addEventListener(
      "abort",
      env.setTimer(() => this.#request(false), YIELD_MS),
    );
  }

  #hold(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    this.#setLeader(true);
    this.#postBeat();
    return new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  /** A tab that tried in vain keeps the lead until a person acts in another tab. So two tabs never take turns. */
  #takeStoppedLead(): void {
    if (this.#isLeader || !this.#isCompeting || !this.#offersLead || this.#leaderSync?.state !== "stopped") return;
    this.#steal();
  }

  #setLeader(isLeader: boolean): void {
    this.#isLeader = isLeader;
    this.#offersLead = false;
    this.#leaderSync = null;
    this.#options.setLeader(isLeader);
  }

  #beatPeriodically(): void {
    const { env } = this.#options;
    const setAt = env.elapsed();
    this.#cancelBeat = env.setTimer(() => {
      const now = env.elapsed();
      const wasAwake = now - setAt < BEAT_MS + ASLEEP_MS;
      if (this.#isLeader) this.#postBeat();
      else if (!wasAwake || !this.#isCompeting) this.#heardAt = now;
      else if (now - this.#heardAt > SILENCE_MS_MAX) {
        this.#heardAt = now;
        this.#steal();
      }
      this.#beatPeriodically();
    }, BEAT_MS);
  }

  #postBeat(): void {
    const { post, storeFingerprint, sync, onBeat } = this.#options;
    onBeat();
    post({ type: "beat", rank: this.#rank(), stands: storeFingerprint(), sync: sync() });
  }

  #steal(): void {
    // Cancels the request that waits first. Otherwise this tab would hold the lock twice in turn.
    this.#cancelRequest();
    this.#request(true);
  }

  #cancelRequest(): void {
    const waiting = this.#cancel;
    // Once closed, a request must stay cancelled.
    if (waiting.signal.aborted) return;
    this.#cancel = new AbortController();
    waiting.abort();
  }
}
