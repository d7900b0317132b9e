/**
 * The gate of live sockets: it checks an upgrade request before the runtime opens a socket.
 *
 * Place: a runtime passes the upgrade request to `open`. Then it sends the refusal, or opens the socket and joins it.
 *
 * Guarantees:
 * - No socket opens before the gate has checked its origin (P23), its ticket (P21) and its right to read.
 * - A refusal is a plain HTTP response.
 * - The gate reads only the method, the URL's query, and the headers of the origin rule and of a gate before it.
 */
import { LOG_NAME } from "../../core/history/limits.ts";
import { encodeCursor } from "../../core/history/record.ts";
import type { Admission } from "../access/admission.ts";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import type { Observer } from "../base/observer.ts";
import type { LiveHub } from "./hub.ts";
import type { LiveConnection, LiveSocket } from "./server-socket.ts";
import type { OriginRule } from "../http/origins.ts";
import { readCursor } from "../http/read-cursor.ts";
import type { Tickets } from "../access/tickets.ts";

/** The result of `LiveGate.open`: a response that refuses the upgrade, or the way into the hub. */
export type LiveOpening =
  | {
      readonly kind: "refused";
      /** The response to send instead of the upgrade. */
      readonly response: Response;
    }
  | {
      readonly kind: "accepted";
      /** The hub counts the socket from `join` on. The runtime must call it at once, or never. */
      readonly join: (socket: LiveSocket) => LiveConnection;
    };

/**
 * Checks the upgrade requests of live sockets, for a runtime that opens the sockets itself.
 *
 * @example
 * const opening = await server.live.open(request, "board");
 * if (opening.kind === "refused") return opening.response;
 * const connection = opening.join(socket);
 */
export type LiveGate = {
  /** Checks an upgrade request for a log. */
  readonly open: (request: Request, log: string) => Promise<LiveOpening>;
  /** Reports an error of the runtime to `onError`: the request was accepted, and its socket did not open. */
  readonly report: (error: unknown) => void;
};

export type LiveGateOptions = {
  readonly origins: OriginRule;
  readonly tickets: Tickets;
  readonly admission: Admission;
  readonly hub: LiveHub;
  readonly isClosing: () => boolean;
  readonly report: (error: unknown) => void;
  readonly observer: Observer;
};

export function createLiveGate(options: LiveGateOptions): LiveGate {
  const { origins, tickets, admission, hub, isClosing, report, observer } = options;
  return {
    open: async (request, log) => {
      try {
        origins.check(request);
        if (isClosing()) throw new HttpRefusal("restarting");
        if (request.method !== "GET" || !LOG_NAME.test(log)) throw new HttpRefusal("bad-request");
        const query = new URL(request.url).searchParams;
        const after = readCursor(query.get("after"));
        const principal = await tickets.spend(log, query.get("ticket") ?? "");
        if (!principal)
          throw new HttpRefusal("unauthorized", {
            message: "The ticket is missing, used or expired. Fetch a new ticket.",
          });
        await admission.checkReader(principal, log, request);
        const refusal = isClosing() ? "restarting" : hub.refusal(log, principal.actor);
        if (refusal) throw new HttpRefusal(refusal);
        return {
          kind: "accepted",
          join: (socket) => hub.join(socket, { log, cursor: after && encodeCursor(after), principal, presence: null }),
        };
      } catch (error) {
        if (!(error instanceof HttpRefusal)) report(error);
        observer.refused(error, log);
        return { kind: "refused", response: errorResponse(error) };
      }
    },
    report,
  };
}
