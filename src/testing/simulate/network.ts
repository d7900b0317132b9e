/**
 * The network between devices and server nodes. Texts take time, and are lost, doubled, late or cut in half.
 *
 * Guarantees:
 * - It passes texts on and knows no protocol.
 * - A lost response does not undo the server's work.
 * - A call always settles for a tab that is alive.
 */
import type { LiveConnection, LiveSocket } from "../../sync-server/live/server-socket.ts";
import type { NodeReply, NodeRequest } from "./parts.ts";
import { nature, type Owner, type Scheduler } from "./scheduler.ts";
import type { ServerNode } from "./server-node.ts";

/** The faults on a device's link. The network reads them at the moment when a message passes. */
export type Link = {
  readonly cutUp: () => boolean;
  readonly cutDown: () => boolean;
  /** Null: texts arrive whole, whatever their length. */
  readonly slow: () => SlowLink | null;
};

/**
 * The speed of requests and answers. The network shows no progress of a request, so a large one is given up. An answer
 * that keeps arriving is not. `weight`: the bytes that each byte of an answer counts, because simulated logs are small.
 */
export type SlowLink = { readonly upBytesPerMs: number; readonly downBytesPerMs: number; readonly weight: number };

export type NetworkChances = {
  readonly loses: (what: "request" | "answer" | "frame") => boolean;
  readonly doubles: (what: "request" | "frame") => boolean;
  readonly truncates: () => boolean;
  readonly delayMs: () => number;
};

export type NetworkOptions = {
  readonly scheduler: Scheduler;
  readonly chances: NetworkChances;
  readonly nodes: () => readonly ServerNode[];
  /** Whether a server that closes a socket gets its close event at once, which presence needs. */
  readonly tellsEnds: boolean;
};

/** The longest silence in a call. */
export const CALL_SILENCE_MS = 30_000;
/** The client closes a silent socket after this time, which is the ping interval and the wait for the pong. */
const SILENCE_MS = 30_000;
const PING_MS = 20_000;

/** The client's end of a socket. */
export type SocketEnd = { readonly send: (text: string) => void; readonly close: () => void };

export type SocketSink = {
  readonly opened: () => void;
  readonly frame: (text: string) => void;
  readonly ended: (code: string) => void;
};

export class Network {
  readonly #options: NetworkOptions;
  /** Open sockets: the tab, and the server process at the other end. */
  readonly standing = new Map<Owner, Owner>();

  constructor(options: NetworkOptions) {
    this.#options = options;
  }

  /** Sends a request. Null if no response arrived. `patienceMs`: the longest silence before the response. */
  call(owner: Owner, link: Link, request: NodeRequest, patienceMs = CALL_SILENCE_MS): Promise<NodeReply | null> {
    const { scheduler, chances } = this.#options;
    const slow = link.slow();
    const upMs = slow && request.kind === "push" ? request.text.length / slow.upBytesPerMs : 0;
    return new Promise((resolve) => {
      const stopTimer = scheduler.later(owner, "call is given up", patienceMs, () => resolve(null));
      const arrive = (reply: NodeReply | null) => {
        if (!slow || !reply) return resolve(reply);
        scheduler.later(owner, "has the whole answer", reply.text.length / slow.downBytesPerMs, () => {
          if (!link.cutDown()) return resolve(reply);
          scheduler.later(owner, "call is given up", CALL_SILENCE_MS, () => resolve(null));
        });
      };
      const answer = (reply: NodeReply | null, delayMs: number) => {
        if (link.cutDown() || (reply && chances.loses("answer")))
          return scheduler.note(`fault: answer to ${owner.name} lost`);
        const text =
          reply && chances.truncates() ? reply.text.slice(0, Math.floor(reply.text.length / 2)) : reply?.text;
        scheduler.later(owner, `gets ${reply?.code ?? "no connection"}`, delayMs, () => {
          stopTimer();
          arrive(reply && { ...reply, text: text ?? "" });
        });
      };
      for (let copies = chances.doubles("request") ? 2 : 1; copies > 0; copies--) {
        if (link.cutUp() || chances.loses("request")) {
          scheduler.note(`fault: request of ${owner.name} lost`);
          continue;
        }
        // The double of a request may arrive much later, because a proxy can hold it back.
        const delayMs = copies === 1 ? chances.delayMs() : scheduler.random.below(15_000);
        scheduler.later(nature, `${request.kind} of ${owner.name} arrives`, delayMs + upMs, () =>
          this.#arrive(request, answer),
        );
      }
    });
  }

  #arrive(request: NodeRequest, answer: (reply: NodeReply | null, delayMs: number) => void): void {
    const { scheduler, chances, nodes } = this.#options;
    const node = scheduler.random.pick(nodes());
    if (!node.isUp) return answer(null, chances.delayMs());
    void node.handle(request).then((reply) => answer(reply, chances.delayMs()));
  }

  /**
   * Opens a socket. Its frames arrive in order, unless a fault swaps them.
   *
   * It is longer than 80 lines, because both ends of the socket share its seven variables, and no other function needs
   * them.
   */
  open(owner: Owner, link: Link, log: string, actor: string, after: string | null, sink: SocketSink): SocketEnd {
    const { scheduler, chances, nodes, tellsEnds } = this.#options;
    let connection: LiveConnection | null = null;
    let deaf = false;
    let ended = false;
    let isClosed = false;
    let lastAt = 0;
    let lastUpAt = 0;
    const forget = () => void (connection && this.standing.delete(owner));
    const goDeaf = () => {
      if (deaf || ended) return;
      deaf = true;
      forget();
      scheduler.note(`fault: socket of ${owner.name} goes silent`);
      scheduler.later(owner, "silent socket is given up", SILENCE_MS, () => end("lost"));
    };
    const end = (code: string) => {
      if (ended) return;
      ended = true;
      forget();
      closeAtServer();
      sink.ended(code);
    };
    const closeAtServer = () =>
      void scheduler.later(nature, `socket of ${owner.name} closed`, chances.delayMs(), closed);
    /** The server gets no frame after this. A frame that was sent earlier and arrives later is ignored. */
    const closed = () => {
      isClosed = true;
      connection?.closed();
    };
    const toTab = (label: string, run: () => void) => {
      // Keep the order, so a text never arrives before an earlier text.
      lastAt = Math.max(lastAt, scheduler.now + chances.delayMs());
      scheduler.later(owner, label, lastAt - scheduler.now, () => {
        if (!ended && !deaf) run();
      });
    };
    const endedByServer = (label: string) => {
      if (tellsEnds) closed();
      toTab(label, () => end("lost"));
    };
    const waiting: string[] = [];
    /** Frames to the server that have not arrived. If two are due at once, the first sent arrives first. */
    const waitingUp: string[] = [];
    const socket: LiveSocket = {
      bufferedBytes: 0,
      send: (text) => {
        if (deaf || ended) return;
        if (link.cutDown() || chances.loses("frame")) return goDeaf();
        const sent = chances.truncates() ? text.slice(0, Math.floor(text.length / 2)) : text;
        waiting.push(sent);
        if (chances.doubles("frame")) waiting.splice(scheduler.random.below(waiting.length), 0, sent);
        for (let frames = waiting.length; frames > 0; frames--) {
          toTab("gets a frame", () => {
            const next = waiting.shift();
            if (next !== undefined) sink.frame(next);
          });
        }
      },
      close: () => endedByServer("socket closed"),
      terminate: () => endedByServer("socket ended"),
      save: () => {},
    };
    const join = async (node: ServerNode) => {
      const joined = await node.join(socket, log, actor, after);
      if ("code" in joined) return toTab(`socket refused: ${joined.code}`, () => end("lost"));
      connection = joined;
      if (ended) return closeAtServer();
      this.standing.set(owner, node.owner);
      toTab("socket opens", sink.opened);
      this.#watch(node, owner, link, joined, {
        goDeaf,
        end: () => toTab("connection reset", () => end("lost")),
        isOver: () => ended || deaf,
      });
    };
    scheduler.later(nature, `socket of ${owner.name} arrives`, chances.delayMs(), () => {
      const node = scheduler.random.pick(nodes());
      if (link.cutUp()) goDeaf();
      else if (node.isUp) void join(node);
      else toTab("no connection", () => end("lost"));
    });
    return {
      send: (text) => {
        if (ended || deaf) return;
        if (link.cutUp() || chances.loses("frame")) return goDeaf();
        lastUpAt = Math.max(lastUpAt, scheduler.now + chances.delayMs());
        waitingUp.push(text);
        scheduler.later(nature, `frame of ${owner.name} arrives`, lastUpAt - scheduler.now, () => {
          const next = waitingUp.shift();
          if (!isClosed && next !== undefined) connection?.receive(next);
        });
      },
      close: () => {
        if (ended) return;
        ended = true;
        forget();
        closeAtServer();
      },
    };
  }

  /** Pings as a client does, and breaks the connection if its node died. */
  #watch(
    node: ServerNode,
    owner: Owner,
    link: Link,
    connection: LiveConnection,
    socket: { goDeaf: () => void; end: () => void; isOver: () => boolean },
  ): void {
    const { scheduler } = this.#options;
    const process = node.owner;
    const ping = () => {
      if (socket.isOver()) return;
      if (process.state === "dead") {
        if (scheduler.random.chance(0.5)) socket.end();
        else socket.goDeaf();
        return;
      }
      if (owner.state === "running") {
        if (link.cutUp()) return socket.goDeaf();
        connection.receive('{"type":"ping"}');
      }
      scheduler.later(nature, "ping", PING_MS, ping);
    };
    scheduler.later(nature, "ping", PING_MS, ping);
  }
}
