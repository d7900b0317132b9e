/** A live socket between the server in the page and one side. */
import type { LiveConnection, LiveSocket } from "dacapo/sync-server";

export class DuoSocket implements LiveSocket {
  readonly bufferedBytes = 0;
  readonly #deliver: (text: string) => void;
  readonly #ended: () => void;
  #connection: LiveConnection | null = null;
  #isClosed = false;

  /** `ended` is called once, after either side closed the socket. */
  constructor(deliver: (text: string) => void, ended: () => void) {
    this.#deliver = deliver;
    this.#ended = ended;
  }

  /** Joins the server's live hub. */
  join(join: (socket: LiveSocket) => LiveConnection): void {
    this.#connection = join(this);
    if (this.#isClosed) this.#connection.closed();
  }

  receive(text: string): void {
    this.#connection?.receive(text);
  }

  send(text: string): void {
    if (!this.#isClosed) this.#deliver(text);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#ended();
    this.#connection?.closed();
  }

  terminate(): void {
    this.close();
  }

  /** The sockets of this page do not outlive its server. */
  save(): void {}
}
