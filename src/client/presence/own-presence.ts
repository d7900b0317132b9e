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
import { throttle } from "../env/throttle.ts";
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

export type OwnPresence = {
  /** Sets the presence of this tab's page. Null shows nothing. */
  readonly set: (data: Json) => void;
  /** Handles a message of another tab. */
  readonly receive: (message: ShowMessage) => void;
  readonly setLeader: (isLeader: boolean) => void;
  /** Forgets silent tabs. To be called with each beat of this tab while it leads. */
  readonly onBeat: () => void;
  /** Posts this tab's presence again. To be called with each beat that this tab receives while it follows. */
  readonly answerBeat: () => void;
  readonly close: () => void;
};

type Shown = { readonly data: Json; readonly at: number; silentBeats: number };

export function ownPresence({ env, post, send }: OwnPresenceOptions): OwnPresence {
  let tab: string | null = null;
  let own: Shown | null = null;
  const ofOtherTabs = new Map<string, Shown>();
  let isLeader = false;
  let sent: Json = null;
  /** The time of the last `set` in any tab. */
  let lastAt = 0;

  const postOwn = (): void => {
    tab ??= Array.from(env.randomBytes(TAB_BYTES), (byte) => byte.toString(16)).join("-");
    post({ type: "show", tab, at: own?.at ?? lastAt, data: own?.data ?? null });
  };
  const sendLast = (): void => {
    let last = own;
    for (const shown of ofOtherTabs.values()) if (!last || shown.at > last.at) last = shown;
    const data = last?.data ?? null;
    if (sameJson(data, sent)) return;
    sent = data;
    send(data);
  };
  const passing = throttle(env, PASS_ON_MS, () => (isLeader ? sendLast() : postOwn()));

  return {
    set(data) {
      // The later call has the later time, because a clock may be set back.
      lastAt = Math.max(env.now(), lastAt + 1);
      own = data === null ? null : { data, at: lastAt, silentBeats: 0 };
      passing.request();
    },
    receive({ tab: other, at, data }) {
      lastAt = Math.max(lastAt, at);
      if (!isLeader) return;
      if (data === null) ofOtherTabs.delete(other);
      else ofOtherTabs.set(other, { data, at, silentBeats: 0 });
      passing.request();
    },
    setLeader(leads) {
      isLeader = leads;
      ofOtherTabs.clear();
      if (isLeader) sendLast();
    },
    onBeat() {
      for (const [other, shown] of ofOtherTabs) if (++shown.silentBeats > SILENT_BEATS_MAX) ofOtherTabs.delete(other);
      sendLast();
    },
    answerBeat() {
      if (own) postOwn();
    },
    close() {
      passing.stop();
      if (!own || isLeader) return;
      own = null;
      postOwn();
    },
  };
}
