/**
 * The network of a side: `fetch` and `WebSocket` that reach the server inside the page.
 *
 * The log's worker installs them before it serves the log, so the client of the package runs unchanged.
 */
import { type ToServer, toServerChannel, type ToSide, toSidesChannel } from "./duo.ts";

/** Puts the page's network in the place of the worker's own. */
export function installPageNetwork(duo: string): void {
  const network = new PageNetwork(duo);
  class PageSocket extends EventTarget {
    static readonly CONNECTING = 0;
    static readonly OPEN = 1;
    static readonly CLOSED = 3;
    readyState = PageSocket.CONNECTING as number;
    onopen: (() => void) | null = null;
    onmessage: ((event: MessageEvent<string>) => void) | null = null;
    onerror: (() => void) | null = null;
    onclose: (() => void) | null = null;
    readonly #wire: SocketWire;

    constructor(url: string | URL) {
      super();
      this.#wire = network.open(String(url), {
        opened: () => {
          this.readyState = PageSocket.OPEN;
          this.onopen?.();
        },
        frame: (text) => this.onmessage?.(new MessageEvent("message", { data: text })),
        closed: () => {
          this.readyState = PageSocket.CLOSED;
          this.onclose?.();
        },
      });
    }

    send(text: string): void {
      this.#wire.send(text);
    }

    close(): void {
      this.readyState = PageSocket.CLOSED;
      this.#wire.close();
    }
  }
  Object.defineProperties(globalThis, {
    fetch: { value: (url: string | URL, init?: RequestInit) => network.fetch(url, init) },
    WebSocket: { value: PageSocket },
  });
}

type SocketEvents = {
  readonly opened: () => void;
  readonly frame: (text: string) => void;
  readonly closed: () => void;
};
type SocketWire = { readonly send: (text: string) => void; readonly close: () => void };

class PageNetwork {
  readonly #id = Math.random().toString(36).slice(2);
  readonly #out: BroadcastChannel;
  readonly #calls = new Map<number, { answer: (response: Response) => void; fail: (error: Error) => void }>();
  readonly #sockets = new Map<number, SocketEvents>();
  #last = 0;

  constructor(duo: string) {
    this.#out = new BroadcastChannel(toServerChannel(duo));
    const incoming = new BroadcastChannel(toSidesChannel(duo));
    incoming.onmessage = ({ data }: MessageEvent<ToSide>) => {
      if (data.to === this.#id) this.#receive(data);
    };
  }

  async fetch(url: string | URL, init?: RequestInit): Promise<Response> {
    const body = init?.body instanceof Blob ? await init.body.arrayBuffer() : (init?.body ?? null);
    if (body !== null && typeof body !== "string" && !(body instanceof ArrayBuffer))
      throw new TypeError("A call of the page's network has a text or a blob as its body");
    const signal = init?.signal;
    signal?.throwIfAborted();
    const call = ++this.#last;
    const response = new Promise<Response>((answer, fail) => this.#calls.set(call, { answer, fail }));
    signal?.addEventListener("abort", () => this.#take(call)?.fail(new DOMException("Aborted", "AbortError")));
    const sent = { url: String(url), method: init?.method ?? "GET", headers: [...new Headers(init?.headers)], body };
    this.#send({ kind: "call", from: this.#id, call, request: sent });
    return response;
  }

  open(url: string, events: SocketEvents): SocketWire {
    const socket = ++this.#last;
    this.#sockets.set(socket, events);
    this.#send({ kind: "open", from: this.#id, socket, url });
    return {
      send: (text) => this.#send({ kind: "frame", from: this.#id, socket, text }),
      close: () => {
        if (this.#sockets.delete(socket)) this.#send({ kind: "close", from: this.#id, socket });
      },
    };
  }

  #send(message: ToServer): void {
    this.#out.postMessage(message);
  }

  #take(call: number) {
    const waiting = this.#calls.get(call);
    this.#calls.delete(call);
    return waiting;
  }

  #receive(message: ToSide): void {
    switch (message.kind) {
      case "answer": {
        const waiting = this.#take(message.call);
        if (message.answer === null) return waiting?.fail(new TypeError("The cable is pulled"));
        const { status, headers, body } = message.answer;
        const isEmpty = status === 204 || status === 304;
        return waiting?.answer(
          new Response(isEmpty ? null : body, { status, headers: headers.map(([...pair]) => pair) }),
        );
      }
      case "opened":
        return this.#sockets.get(message.socket)?.opened();
      case "frame":
        return this.#sockets.get(message.socket)?.frame(message.text);
      case "closed": {
        const events = this.#sockets.get(message.socket);
        this.#sockets.delete(message.socket);
        return events?.closed();
      }
    }
  }
}
