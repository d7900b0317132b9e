/**
 * What this device shows of itself to others: what the tab shows that spoke last.
 *
 * Place: each tab has one. A tab that follows says what it shows when that changes, and again after each beat of the leader, so
 * that a new leader knows it within one; the leader tells the server.
 * Holds: a tab that shows nothing, is closed, or answers no beat any more (it died, or is frozen) hides nobody: what the tab before
 * it shows is seen again. However often a page shows something, messages are few, and the last one is sent.
 */
import { type Json, sameJson } from "../../core/values/json.ts";
import type { Env } from "../env/env.ts";
import { throttle } from "../env/throttle.ts";
import type { ShowMessage } from "../messages/tab-messages.ts";

/** Below the rate at which a server takes frames. */
const PASS_ON_MS = 50;
/** Beats without an answer after which a tab is forgotten. */
const SILENT_BEATS_MAX = 3;
const TAB_BYTES = 8;

export type ShowOptions = {
  readonly env: Pick<Env, "now" | "randomBytes" | "setTimer">;
  readonly post: (message: ShowMessage) => void;
  /** Tells the server what this device shows; null: nothing. */
  readonly tell: (data: Json) => void;
};

export type ShownPresence = {
  /** What this tab's page shows from now on; null: nothing. */
  set(data: Json): void;
  heard(message: ShowMessage): void;
  /** This tab leads from now on, or does not. */
  lead(leader: boolean): void;
  /** To be called with each beat of this tab while it leads … */
  beat(): void;
  /** … and with each that it hears while it follows. */
  answerBeat(): void;
  close(): void;
};

type Shown = { readonly data: Json; readonly at: number; silentBeats: number };

export function showPresence({ env, post, tell }: ShowOptions): ShownPresence {
  let tab: string | null = null;
  let own: Shown | null = null;
  const ofOthers = new Map<string, Shown>();
  let leading = false;
  let told: Json = null;
  /** When the tab spoke that spoke last, of all. */
  let lastAt = 0;

  const say = (): void => {
    tab ??= Array.from(env.randomBytes(TAB_BYTES), (byte) => byte.toString(16)).join("-");
    post({ type: "show", tab, at: own?.at ?? lastAt, data: own?.data ?? null });
  };
  const tellLast = (): void => {
    let last = own;
    for (const shown of ofOthers.values()) if (!last || shown.at > last.at) last = shown;
    const data = last?.data ?? null;
    if (sameJson(data, told)) return;
    told = data;
    tell(data);
  };
  const passing = throttle(env, PASS_ON_MS, () => (leading ? tellLast() : say()));

  return {
    set(data) {
      // A clock may be set back: who speaks later has the later time all the same.
      lastAt = Math.max(env.now(), lastAt + 1);
      own = data === null ? null : { data, at: lastAt, silentBeats: 0 };
      passing.ask();
    },
    heard({ tab: other, at, data }) {
      lastAt = Math.max(lastAt, at);
      if (!leading) return;
      if (data === null) ofOthers.delete(other);
      else ofOthers.set(other, { data, at, silentBeats: 0 });
      passing.ask();
    },
    lead(leader) {
      leading = leader;
      ofOthers.clear();
      if (leader) tellLast();
    },
    beat() {
      for (const [other, shown] of ofOthers) if (++shown.silentBeats > SILENT_BEATS_MAX) ofOthers.delete(other);
      tellLast();
    },
    answerBeat() {
      if (own) say();
    },
    close() {
      passing.stop();
      if (!own || leading) return;
      own = null;
      say();
    },
  };
}
