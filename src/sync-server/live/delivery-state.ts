/**
 * The state in which one socket gets the records of its log, as a pure table of state and signal.
 *
 *   live ──append at its cursor──────────► live            Each frame follows the one before.
 *   live ──frame, over the budget────────► hinted          One hint goes out, and the client pulls.
 *   hinted ──drained─────────────────────► live            A second hint goes out if the log grew.
 *   live, hinted ──log at another cursor─► catching-up     The server reads by the socket's cursor.
 *   catching-up ──read done──────────────► live or hinted  Hinted if a hint still waits.
 *   every state ──close──────────────────► closed          Nothing follows.
 *
 * Guarantees:
 * - A frame follows the cursor of its socket. Otherwise the socket gets a page or a hint (P14).
 * - At most one hint waits in the buffer of a slow socket (P18).
 * - Nothing follows a goodbye, because `closed` has no cursor and no other next state.
 */
import { type Cursor, positionOf, sameCursor } from "../../core/history/record.ts";

export type DeliveryState =
  /** The socket was sent everything up to `cursor`. */
  | { readonly kind: "live"; readonly cursor: Cursor | null }
  /** The socket is over its budget. It was sent a hint for position `hintedAt`. The log is at `cursor`. */
  | { readonly kind: "hinted"; readonly cursor: Cursor | null; readonly hintedAt: number }
  /** The server reads a page for this socket. It is stale if records came meanwhile. */
  | {
      readonly kind: "catching-up";
      readonly cursor: Cursor | null;
      /** Null if no hint waits. */
      readonly hintedAt: number | null;
      readonly isStale: boolean;
    }
  /** The socket was sent a goodbye. */
  | { readonly kind: "closed" };

export type DeliverySignal =
  /** The socket is new in its room. */
  | { readonly kind: "joined" }
  /** Records were appended after this cursor. */
  | { readonly kind: "appended"; readonly after: Cursor | null }
  /** One frame of an append is due. It ends at `cursor`, the append ends at `head`. */
  | {
      readonly kind: "frame";
      readonly cursor: Cursor | null;
      readonly head: Cursor | null;
      readonly isSlow: boolean;
    }
  /** The log is at `head`. */
  | { readonly kind: "head"; readonly head: Cursor | null }
  /** The page for this socket has records, up to `cursor`. */
  | { readonly kind: "page"; readonly cursor: Cursor; readonly isSlow: boolean }
  /** The records of the page were sent, or skipped for a slow socket. `head` is of the same snapshot. */
  | { readonly kind: "page-sent"; readonly head: Cursor | null; readonly isSlow: boolean }
  | { readonly kind: "read-done" }
  | { readonly kind: "read-failed" }
  /** The buffer is within its budget. The log is at position `head`. */
  | { readonly kind: "drained"; readonly head: number }
  | { readonly kind: "close" };

export type DeliveryStep =
  | { readonly kind: "none" }
  /** Send the frame or the records of the signal. */
  | { readonly kind: "send" }
  /** Offer each frame of the append by a `frame` signal. */
  | { readonly kind: "offer-frames" }
  | { readonly kind: "hint"; readonly head: number }
  /** Read one page after this cursor. */
  | { readonly kind: "read"; readonly after: Cursor | null }
  | { readonly kind: "say-bye" };

export type NextDelivery = { readonly state: DeliveryState; readonly step: DeliveryStep };

type In<Kind extends DeliveryState["kind"]> = Extract<DeliveryState, { readonly kind: Kind }>;

const NONE: DeliveryStep = { kind: "none" };
const SEND: DeliveryStep = { kind: "send" };
const OFFER_FRAMES: DeliveryStep = { kind: "offer-frames" };
const CLOSED: NextDelivery = { state: { kind: "closed" }, step: { kind: "say-bye" } };

/** The next state of a socket, and the one step that the server takes now. */
export function reduceDelivery(state: DeliveryState, signal: DeliverySignal): NextDelivery {
  switch (state.kind) {
    case "live":
      return whenLive(state, signal);
    case "hinted":
      return whenHinted(state, signal);
    case "catching-up":
      return whenCatchingUp(state, signal);
    case "closed":
      return stay(state);
  }
}

function whenLive(state: In<"live">, signal: DeliverySignal): NextDelivery {
  const { cursor } = state;
  switch (signal.kind) {
    case "joined":
      return startReading(cursor, null);
    case "appended":
      return sameCursor(cursor, signal.after) ? { state, step: OFFER_FRAMES } : startReading(cursor, null);
    case "frame": {
      if (!signal.isSlow) return { state: { kind: "live", cursor: signal.cursor }, step: SEND };
      const head = positionOf(signal.head);
      return { state: { kind: "hinted", cursor: signal.head, hintedAt: head }, step: { kind: "hint", head } };
    }
    case "head":
      return sameCursor(cursor, signal.head) ? stay(state) : startReading(cursor, null);
    case "close":
      return CLOSED;
    case "drained":
    case "page":
    case "page-sent":
    case "read-done":
    case "read-failed":
      return stay(state);
  }
}

function whenHinted(state: In<"hinted">, signal: DeliverySignal): NextDelivery {
  const { cursor, hintedAt } = state;
  switch (signal.kind) {
    case "joined":
      return startReading(cursor, hintedAt);
    case "appended":
      return sameCursor(cursor, signal.after) ? { state, step: OFFER_FRAMES } : startReading(cursor, hintedAt);
    case "frame":
      // No second hint waits in the buffer. `drained` sends the last position.
      return stay({ kind: "hinted", cursor: signal.head, hintedAt });
    case "head":
      return sameCursor(cursor, signal.head) ? stay(state) : startReading(cursor, hintedAt);
    case "drained":
      return { state: { kind: "live", cursor }, step: hintIfNewer(signal.head, hintedAt) };
    case "close":
      return CLOSED;
    case "page":
    case "page-sent":
    case "read-done":
    case "read-failed":
      return stay(state);
  }
}

function whenCatchingUp(state: In<"catching-up">, signal: DeliverySignal): NextDelivery {
  const { cursor, hintedAt, isStale } = state;
  switch (signal.kind) {
    case "appended":
      return stay({ ...state, isStale: true });
    case "page":
      return signal.isSlow ? stay(state) : { state: { ...state, cursor: signal.cursor }, step: SEND };
    case "page-sent": {
      if (sameCursor(cursor, signal.head)) return stay(state);
      // A reader that is more than one page behind pulls the rest, because pulls have larger pages.
      const head = positionOf(signal.head);
      const next = { ...state, cursor: signal.head, hintedAt: signal.isSlow ? (hintedAt ?? head) : null };
      return { state: next, step: hintedAt === null ? { kind: "hint", head } : NONE };
    }
    case "read-done":
      return isStale ? startReading(cursor, hintedAt) : stay(stopReading(cursor, hintedAt));
    case "read-failed":
      // The next append or poll starts another read.
      return stay(stopReading(cursor, hintedAt));
    case "drained":
      return hintedAt === null
        ? stay(state)
        : { state: { ...state, hintedAt: null }, step: hintIfNewer(signal.head, hintedAt) };
    case "close":
      return CLOSED;
    case "frame":
    case "head":
    case "joined":
      return stay(state);
  }
}

function stay(state: DeliveryState): NextDelivery {
  return { state, step: NONE };
}

function startReading(cursor: Cursor | null, hintedAt: number | null): NextDelivery {
  return { state: { kind: "catching-up", cursor, hintedAt, isStale: false }, step: { kind: "read", after: cursor } };
}

function stopReading(cursor: Cursor | null, hintedAt: number | null): DeliveryState {
  return hintedAt === null ? { kind: "live", cursor } : { kind: "hinted", cursor, hintedAt };
}

function hintIfNewer(head: number, hintedAt: number): DeliveryStep {
  return head > hintedAt ? { kind: "hint", head } : NONE;
}
