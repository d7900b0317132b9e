/**
 * The live feed of one tab: at most one socket, and a bounded inbox of the frames that wait for the engine.
 *
 * Guarantees:
 * - Only the current socket can be lost. A socket that was closed here reports nothing any more.
 * - A frame that does not fit the inbox is dropped and its head is reported, so that the loop pulls it.
 * - When a socket ends, all presence of other people ends with it.
 */
import type { Json } from "../../core/values/json.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { Page, Presence } from "../../core/wire/messages.ts";
import type { Signal } from "./reduce-sync.ts";
import { socketCursorOf } from "./sync-state.ts";
import type { ClientSocket, Transport } from "./transport.ts";
import type { ClientId } from "../../core/values/ids.ts";

const INBOX_MAX = 64;

/** A page of records, with the text that it was read from, and the generation in which its socket was opened. */
export type Frame = { readonly page: Page; readonly text: string; readonly generation: number };

export type LiveFeedOptions = {
  readonly transport: Transport;
  readonly signal: (signal: Signal) => void;
  readonly presence: (set: readonly Presence[], gone: readonly string[] | "all") => void;
};

export class LiveFeed {
  readonly #options: LiveFeedOptions;
  #socket: ClientSocket | null = null;
  #inbox: Frame[] = [];
  /** Sent again on each new socket. */
  #shown: { readonly client: ClientId; readonly data: Json } | null = null;

  constructor(options: LiveFeedOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#inbox.length === 0;
  }

  /** The oldest frame that waits; it leaves the inbox. */
  shiftFrame(): Frame | undefined {
    return this.#inbox.shift();
  }

  clearInbox(): void {
    this.#inbox = [];
  }

  connect(cursor: Cursor | null, generation: number): void {
    const { transport, signal, presence } = this.#options;
    const socket: ClientSocket = transport.live(cursor, {
      opened: () => signal({ type: "socket-opened" }),
      records: (page, text) => {
        const fits = this.#inbox.length < INBOX_MAX;
        if (fits) this.#inbox.push({ page, text, generation });
        signal({ type: "socket-reported", cursor: socketCursorOf(page.cursor), head: fits ? 0 : page.head });
      },
      head: (position) => signal({ type: "socket-reported", cursor: { position, mark: null }, head: position }),
      presence,
      closed: (code, retryAfterMs) => {
        if (this.#socket !== socket) return;
        this.#socket = null;
        presence([], "all");
        signal({ type: "socket-lost", retryAfterMs });
        if (code === "diverged") signal({ type: "diverged" });
      },
    });
    this.#socket = socket;
    if (this.#shown) socket.setPresence(this.#shown.client, this.#shown.data);
  }

  setPresence(client: ClientId, data: Json): void {
    this.#shown = { client, data };
    this.#socket?.setPresence(client, data);
  }

  /** Closes the socket, if there is one. Frames in the inbox stay. */
  close(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = null;
    socket.close();
    this.#options.presence([], "all");
  }
}
