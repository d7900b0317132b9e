/**
 * The presence that this device shows to other devices: the presence of the tab that set it last.
 *
 *   tab that follows ── "show", on each change and after each beat ──► leader tab ──► server
 *
 * A new leader thus knows the presence of each tab within one beat.
 *
 * Guarantees (`presence.tabs-and-server.test.ts`):
 * - If the tab that is shown sets null, closes or stops answering beats, the presence of the tab before it shows again.
 * - A page that sets its presence often causes few messages, and the last presence is sent.
 */
import { type Json, sameJson } from "../../core/values/json.ts";
import type { Env } from "../env/env.ts";
import { throttle, type Throttled } from "../env/throttle.ts";
import type { ShowMessage } from "../messages/tab-messages.ts";

/** Milliseconds between two messages: slower than the rate of frames at which a server disconnects. */
const PASS_ON_MS = 50;
/** Beats without an answer after which a tab is forgotten, because it died or is frozen. */
const SILENT_BEATS_MAX = 3;
const TAB_BYTES = 8;

export type OwnPresenceOptions = {
  readonly env: Pick<Env, "now" | "randomBytes" | "setTimer">;
  readonly post: (message: ShowMessage) => void;
  /** Sends the device's presence to the server. Null shows nothing. */
  readonly send: (data: Json) => void;
};

type Shown = { readonly data: Json; readonly at: number; silentBeats: number };

export class OwnPresence {
  readonly #options: OwnPresenceOptions;
  readonly #passing: Throttled;
  readonly #ofOtherTabs = new Map<string, Shown>();
  /** The name of this tab in its messages. */
  #tab: string | null = null;
  #own: Shown | null = null;
  #isLeader = false;
  #sent: Json = null;
  /** The time of the last `set` in any tab. */
  #lastAt = 0;

  constructor(options: OwnPresenceOptions) {
    this.#options = options;
    this.#passing = throttle(options.env, PASS_ON_MS, () => (this.#isLeader ? this.#sendLast() : this.#postOwn()));
  }

  /** Sets the presence of this tab's page. Null shows nothing. */
  set(data: Json): void {
    // The later call has the later time, because a clock may be set back.
    this.#lastAt = Math.max(this.#options.env.now(), this.#lastAt + 1);
    this.#own = data === null ? null : { data, at: this.#lastAt, silentBeats: 0 };
    this.#passing.request();
  }

  /** Handles a message of another tab. */
  receive({ tab, at, data }: ShowMessage): void {
    this.#lastAt = Math.max(this.#lastAt, at);
    if (!this.#isLeader) return;
    if (data === null) this.#ofOtherTabs.delete(tab);
    else this.#ofOtherTabs.set(tab, { data, at, silentBeats: 0 });
    this.#passing.request();
  }

  setLeader(isLeader: boolean): void {
    this.#isLeader = isLeader;
    this.#ofOtherTabs.clear();
    if (isLeader) this.#sendLast();
  }

  /** Forgets silent tabs. To be called with each beat of this tab while it leads. */
  onBeat(): void {
    for (const [tab, shown] of this.#ofOtherTabs)
      if (++shown.silentBeats > SILENT_BEATS_MAX) this.#ofOtherTabs.delete(tab);
    this.#sendLast();
  }

  /** Posts this tab's presence again. To be called with each beat that this tab receives while it follows. */
  answerBeat(): void {
    if (this.#own) this.#postOwn();
  }

  close(): void {
    this.#passing.stop();
    if (!this.#own || this.#isLeader) return;
    this.#own = null;
    this.#postOwn();
  }

  #postOwn(): void {
    const { env, post } = this.#options;
    this.#tab ??= Array.from(env.randomBytes(TAB_BYTES), (byte) => byte.toString(16)).join("-");
    post({ type: "show", tab: this.#tab, at: this.#own?.at ?? this.#lastAt, data: this.#own?.data ?? null });
  }

  /** Sends the presence of the tab that set it last. */
  #sendLast(): void {
    let last = this.#own;
    for (const shown of this.#ofOtherTabs.values()) if (!last || shown.at > last.at) last = shown;
    const data = last?.data ?? null;
    if (sameJson(data, this.#sent)) return;
    this.#sent = data;
    this.#options.send(data);
  }
}
