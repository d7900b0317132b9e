/**
 * The door of the live sockets: who gets one, before there is one.
 *
 * Place: a runtime that sees an upgrade asks here with the plain request, and either answers it with the refusal or makes the
 * socket and hands it in.
 * Holds: no socket exists before its page, its ticket and its right to read were checked; a refusal is a plain HTTP
 * answer; nothing of the request but its path, its query and its `Origin` is trusted or even read.
 */
import { LOG_NAME } from "../../core/history/limits.ts";
import { encodeCursor } from "../../core/history/record.ts";
import type { Admission } from "../access/admission.ts";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import type { LiveHub } from "./hub.ts";
import type { LiveConnection, LiveSocket } from "./server-socket.ts";
import type { OriginRule } from "../http/origins.ts";
import { readCursor } from "../http/read-cursor.ts";
import type { Tickets } from "../access/tickets.ts";

export type LiveOpening =
  | { readonly kind: "refused"; readonly response: Response }
  /** The hub counts the socket from `join` on; the runtime must call it at once or not at all. */
  | { readonly kind: "accepted"; readonly join: (socket: LiveSocket) => LiveConnection };

export type LiveGate = { readonly open: (request: Request, log: string) => Promise<LiveOpening> };

export type LiveGateOptions = {
  readonly origins: OriginRule;
  readonly tickets: Tickets;
  readonly admission: Admission;
  readonly hub: LiveHub;
  readonly isClosing: () => boolean;
  readonly report: (error: unknown) => void;
};

export function createLiveGate({ origins, tickets, admission, hub, isClosing, report }: LiveGateOptions): LiveGate {
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
          throw new HttpRefusal("unauthorized", { message: "The ticket is missing, spent or too old: fetch another" });
        await admission.checkReader(principal, log);
        const refusal = isClosing() ? "restarting" : hub.refusal(log, principal.actor);
        if (refusal) throw new HttpRefusal(refusal);
        return {
          kind: "accepted",
          join: (socket) => hub.join(socket, { log, cursor: after && encodeCursor(after), principal, presence: null }),
        };
      } catch (error) {
        if (!(error instanceof HttpRefusal)) report(error);
        return { kind: "refused", response: errorResponse(error) };
      }
    },
  };
}
