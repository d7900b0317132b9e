/**
 * The client's `Transport` over simulated links. It reads texts with the protocol's own readers, as strictly as
 * `http-transport`.
 */
import type { CallOptions, ClientSocket, Transport } from "../../client/sync/transport.ts";
import { UnreachableError } from "../../client/sync/unreachable-error.ts";
import { byteLength } from "../../core/values/byte-length.ts";
import type { Parsed } from "../../core/values/parsed.ts";
import { type DacapoError, ForbiddenError, ProtocolError, UnauthorizedError } from "../../core/values/errors.ts";
import { encodeCursor } from "../../core/history/record.ts";
import { wireCursor } from "../../core/wire/messages.ts";
import {
  parseBaseHeader,
  parseLogInfo,
  parsePage,
  parsePushAnswer,
  parseServerFrame,
} from "../../core/wire/read-messages.ts";
import { CALL_SILENCE_MS, type Link, type Network } from "./network.ts";
import type { NodeReply, NodeRequest } from "./parts.ts";
import type { Owner, Scheduler } from "./scheduler.ts";

export type SimTransportOptions = {
  readonly network: Network;
  readonly scheduler: Scheduler;
  readonly owner: Owner;
  readonly link: Link;
  readonly log: string;
  readonly actor: string;
  /** The time when a person last returned to the tab. After that the tab may send a request at once. */
  readonly wokeAt: () => number;
  readonly isSignedIn: () => boolean;
  /** True for the text of a push that a filter between device and server refuses. */
  readonly isFiltered: (text: string) => boolean;
  /** Called with every text that leaves or arrives, and with each request before the server's retry time ("early"). */
  readonly tap: (direction: "out" | "in" | "early", text: string) => void;
};

/** The client's transport over a simulated link. More than 80 lines, because each call maps its replies in place. */
export function simTransport({
  network,
  scheduler,
  owner,
  link,
  log,
  actor,
  wokeAt,
  isSignedIn,
  isFiltered,
  tap,
}: SimTransportOptions): Transport {
  // A refused push does not delay reading, so each kind of request has its own retry time.
  const never = { at: 0, until: 0 };
  const refusals = { push: never, pull: never, info: never, base: never };
  const weight = () => link.slow()?.weight ?? 1;
  const pageBytes = (how: CallOptions) => Math.ceil(how.pageBytes / weight());
  const call = async <T>(request: NodeRequest, read: (text: string) => Parsed<T>, how?: CallOptions) => {
    const refused = refusals[request.kind];
    if (scheduler.now < refused.until && wokeAt() < refused.at)
      tap(
        "early",
        `${owner.name} sends a ${request.kind} ${Math.ceil(refused.until - scheduler.now)} ms before its retry time`,
      );
    if (!isSignedIn()) {
      await scheduler.wait(owner, "is refused", 1 + scheduler.random.below(60));
      throw refusal({ code: "unauthorized", text: "", retryAfterMs: null });
    }
    if (request.kind === "push" && isFiltered(request.text)) {
      await scheduler.wait(owner, "is filtered", 1 + scheduler.random.below(60));
      throw new UnreachableError("A filter refused the push", null, undefined, { status: 403, text: "Blocked" });
    }
    const bytes = request.kind === "push" ? request.text.length : 0;
    const patienceMs = CALL_SILENCE_MS * Math.max(1, bytes / (how?.bodyBytes ?? Infinity));
    const reply = await network.call(owner, link, request, patienceMs);
    refusals[request.kind] = { at: scheduler.now, until: scheduler.now + (reply?.retryAfterMs ?? 0) };
    if (!reply) throw new UnreachableError("The server did not answer", null);
    how?.received(byteLength(reply.text) * weight());
    if (reply.code === "diverged" || reply.code === "gone") return { kind: reply.code } as const;
    if (reply.code !== "ok") throw refusal(reply);
    const parsed = read(reply.text);
    if (!parsed.ok) throw new UnreachableError(`The server sent an invalid response: ${parsed.problem.reason}`, null);
    tap("in", reply.text);
    return { kind: "answer", answer: parsed.value, text: reply.text } as const;
  };
  return {
    push: (after, domain, commits, how) => {
      const text = JSON.stringify({ after: wireCursor(after), domain, bytes: how && pageBytes(how), commits });
      tap("out", text);
      return call({ kind: "push", log, actor, text }, parsePushAnswer, how);
    },
    pull: (after, limit, how) => {
      const bytes = how && { bytes: pageBytes(how) };
      return call({ kind: "pull", log, actor, after: wireCursor(after), limit, ...bytes }, parsePage, how);
    },
    base: () => call({ kind: "base", log, actor, place: null }, parseBaseHeader).catch(noBase),
    basePage: async (base, n) => {
      const place = { cursor: encodeCursor(base), n };
      const asText = (text: string) => ({ ok: true, value: text }) as const;
      const page = await call({ kind: "base", log, actor, place }, asText).catch(noBase);
      return page?.kind === "answer" ? page.text : null;
    },
    info: () => call({ kind: "info", log, actor }, parseLogInfo),
    live: (after, events): ClientSocket => {
      let ended = false;
      let isOpen = false;
      let presence: string | null = null;
      const end = (code: string, retryAfterMs: number | null) => {
        if (ended) return;
        ended = true;
        socket.close();
        events.closed(code, retryAfterMs);
      };
      const handleFrame = (text: string) => {
        const frame = parseServerFrame(text);
        if (!frame.ok) return end("unreadable", null);
        switch (frame.value.type) {
          case "records":
            tap("in", text);
            return events.records(frame.value, text);
          case "head":
            return events.head(frame.value.head);
          case "presence":
            return events.presence(frame.value.set, frame.value.gone);
          case "bye":
            return end(frame.value.code, frame.value.retryAfterMs ?? null);
          case "pong":
            return;
        }
      };
      const socket = network.open(owner, link, log, actor, wireCursor(after), {
        opened: () => {
          if (ended) return;
          isOpen = true;
          if (presence !== null) socket.send(presence);
          events.opened();
        },
        frame: (text) => !ended && handleFrame(text),
        ended: (code) => end(code, null),
      });
      scheduler.note(`${owner.name} opens a socket`);
      return {
        setPresence: (client, data) => {
          presence = JSON.stringify({ type: "presence", client, data });
          if (isOpen) socket.send(presence);
        },
        close: () => end("closed", null),
      };
    },
  };
}

/** A server without the base of a request answers 404. */
function noBase(error: unknown): null {
  if (error instanceof UnreachableError && error.details["code"] === "not-found") return null;
  throw error;
}

function refusal({ code, retryAfterMs }: NodeReply): DacapoError {
  const message = `The sync server says: ${code}`;
  switch (code) {
    case "unauthorized":
      return new UnauthorizedError({ message, fix: "Sign in again." });
    case "forbidden":
    case "actor-mismatch":
      return new ForbiddenError({ message, fix: "Request the right to this log.", details: { code } });
    case "push-too-large":
      return new ProtocolError({ message, fix: "Nothing.", details: { code: "too-large" } }, "later");
    case "bad-request":
      return new ProtocolError({ message, fix: "Check the protocol.", details: { code } });
    default:
      return new UnreachableError(message, retryAfterMs, undefined, { code });
  }
}
