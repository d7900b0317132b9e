/**
 * Electing the tab that syncs.
 *
 *   waiting ──lock got──► leading ──higher claim, close──► waiting / ended
 *      └──leader silent──► steals the lock          └──stolen──► waiting
 *
 * Holds: correctness never depends on it (each write names what it was computed on); it only keeps tabs from doing the same
 * work. A frozen tab keeps its Web Lock, so a leader also beats; one that falls silent while this tab was awake is displaced.
 */
import type { Env } from "../env/env.ts";
import { type LeaderSync, outranks, type Rank, type TabMessage } from "../messages/tab-messages.ts";

const BEAT_MS = 2_000;
/** A leader that was not heard for so long is displaced. Three beats, so that a busy one is not. */
const SILENCE_MS_MAX = 3 * BEAT_MS + 500;
/** A tab whose own timer came later than this was asleep itself, and has no word on another's silence. */
const ASLEEP_MS = 2 * BEAT_MS;
/** A leader that gave way asks again after this, behind the one that claimed. */
const YIELD_MS = 1_000;

export type LeaderOptions = {
  readonly env: Env;
  readonly lock: string;
  readonly rank: () => Rank;
  /** What this tab knows of the store, as a text to compare. */
  readonly stands: () => string;
  /** How syncing goes, for tabs that follow. */
  readonly sync: () => LeaderSync;
  readonly post: (message: TabMessage) => void;
  readonly lead: (leader: boolean) => void;
  /** Called with each beat. */
  readonly beats: () => void;
};

export class Leadership {
  readonly #options: LeaderOptions;
  #leading = false;
  #release: (() => void) | null = null;
  #ended = new AbortController();
  #heardAt: number;
  #lastTimer: number;
  #down = false;
  #asked: Promise<void> = Promise.resolve();

  constructor(options: LeaderOptions) {
    this.#options = options;
    this.#heardAt = this.#lastTimer = options.env.elapsed();
    // Not before whoever makes this has it: being asked how syncing goes, they look at it.
    this.#ask(false);
    this.#beat();
  }

  get leading(): boolean {
    return this.#leading;
  }

  /** Leaves the lead to others, and asks for it no more: a tab that does not sync must not keep one that would. */
  standDown(): void {
    if (this.#down) return;
    this.#down = true;
    this.#callOff();
    this.#release?.();
  }

  /** Asks for the lead again. */
  standUp(): void {
    if (!this.#down) return;
    this.#down = false;
    this.#heardAt = this.#options.env.elapsed();
    this.#ask(false);
  }

  /** Takes word from another tab. */
  heard(message: TabMessage): void {
    if (this.#down) return;
    const { rank, post } = this.#options;
    if (message.type === "beat") {
      this.#heardAt = this.#options.env.elapsed();
      if (!this.#leading && outranks(rank(), message.rank)) post({ type: "claim", rank: rank() });
    }
    if (message.type === "claim" && this.#leading && outranks(message.rank, rank())) this.#release?.();
  }

  close(): void {
    this.#ended.abort();
    this.#release?.();
  }

  /** One request after the other: the end of one must not be taken for the end of the next. */
  #ask(steal: boolean): void {
    const { signal } = this.#ended;
    this.#asked = this.#asked.then(() => (signal.aborted ? undefined : this.#request(steal, signal)));
  }

  async #request(steal: boolean, signal: AbortSignal): Promise<void> {
    const { env, lock } = this.#options;
    try {
      await env.lock(lock, { steal, signal }, () => this.#hold(signal));
    } catch {
      // Stolen, or called off: what matters is told below.
    }
    if (this.#leading) this.#setLeading(false);
    this.#release = null;
    this.#heardAt = env.elapsed();
    if (signal.aborted) return;
    env.setTimer(() => {
      if (!signal.aborted) this.#ask(false);
    }, YIELD_MS);
  }

  #hold(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    this.#setLeading(true);
    this.#postBeat();
    return new Promise((resolve) => {
      this.#release = resolve;
    });
  }

  #setLeading(leading: boolean): void {
    this.#leading = leading;
    this.#options.lead(leading);
  }

  #beat(): void {
    const { env } = this.#options;
    env.setTimer(() => {
      if (this.#ended.signal.aborted) return;
      const now = env.elapsed();
      const awake = now - this.#lastTimer < BEAT_MS + ASLEEP_MS;
      this.#lastTimer = now;
      if (this.#leading) this.#postBeat();
      else if (!awake || this.#down) this.#heardAt = now;
      else if (now - this.#heardAt > SILENCE_MS_MAX) {
        this.#heardAt = now;
        this.#steal();
      }
      this.#beat();
    }, BEAT_MS);
  }

  #postBeat(): void {
    const { post, rank, stands, sync, beats } = this.#options;
    beats();
    post({ type: "beat", rank: rank(), stands: stands(), sync: sync() });
  }

  #steal(): void {
    // The request that waits is called off first, or this tab would hold the lock twice in turn.
    this.#callOff();
    this.#ask(true);
  }

  #callOff(): void {
    const waiting = this.#ended;
    this.#ended = new AbortController();
    waiting.abort();
  }
}
