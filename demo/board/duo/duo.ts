/**
 * A duo: one board of Ada and Bob in one page, with a server inside the page.
 *
 * The page opens the board twice, in frames. Each side has its own worker and its own database, as two devices have.
 * The workers and the server in the page send each other the messages below instead of using a network. So the page
 * needs no server once it is loaded, and its cable can be pulled.
 */
import type { LogEntry } from "../event-log/lines.ts";
import { cleanName } from "../session.ts";

export const SIDES = ["Ada", "Bob"] as const;
export type Side = (typeof SIDES)[number];

/** The address of the server in the page. No request to it leaves the browser. */
export const DUO_SYNC = "/duo-sync";

/** Calls and sockets of one side. `from` is the id of its worker. */
export type ToServer =
  | { readonly kind: "call"; readonly from: string; readonly call: number; readonly request: CallRequest }
  | { readonly kind: "open"; readonly from: string; readonly socket: number; readonly url: string }
  | { readonly kind: "frame"; readonly from: string; readonly socket: number; readonly text: string }
  | { readonly kind: "close"; readonly from: string; readonly socket: number };

export type CallRequest = {
  readonly url: string;
  readonly method: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | ArrayBuffer | null;
};

/** `to` is the id of a worker. Null as an answer: the cable is pulled. */
export type ToSide =
  | { readonly kind: "answer"; readonly to: string; readonly call: number; readonly answer: CallAnswer | null }
  | { readonly kind: "opened"; readonly to: string; readonly socket: number }
  | { readonly kind: "frame"; readonly to: string; readonly socket: number; readonly text: string }
  | { readonly kind: "closed"; readonly to: string; readonly socket: number };

export type CallAnswer = {
  readonly status: number;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: ArrayBuffer;
};

/** The channel of a duo's server, and the channel of its sides. */
export const toServerChannel = (duo: string) => `${duo} server`;
export const toSidesChannel = (duo: string) => `${duo} sides`;

/** The state of a side, as it reports it to the page around it. */
export type SideReport = {
  readonly duo: string;
  readonly side: string;
  readonly kind: "state";
  readonly pending: number;
  readonly refused: number;
  readonly live: boolean;
  readonly position: number;
};

/** The lines of a side that are not in the server's log: pending and refused ones. */
export type SideLines = {
  readonly duo: string;
  readonly side: string;
  readonly kind: "lines";
  readonly lines: readonly LogEntry[];
};

export type SideMessage = SideReport | SideLines;

export function isSideMessage(data: unknown, duo: string): data is SideMessage {
  return typeof data === "object" && data !== null && "duo" in data && data.duo === duo && "side" in data;
}

/** The duo that an address names, and its side; null if the page is not a side of a duo. */
export function sideOf(search: string): { readonly duo: string; readonly name: string } | null {
  const query = new URLSearchParams(search);
  const duo = query.get("duo") ?? "";
  const name = cleanName(query.get("as") ?? "");
  return /^duo-[a-z0-9]{1,40}$/.test(duo) && name !== "" && window.parent !== window ? { duo, name } : null;
}
