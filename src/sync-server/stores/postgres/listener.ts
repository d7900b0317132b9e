/**
 * One connection that listens to a channel of Postgres. If it is lost, it connects again until `stop`.
 *
 * Guarantees: `onConnected` runs after each `listen`, so that its owner hears that notifications may be lost.
 */
import pg from "pg";

const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;

export type ListenerOptions = {
  readonly url: string;
  /** A name that needs no quotes. */
  readonly channel: string;
  readonly onPayload: (text: string) => void;
  readonly onConnected: () => void;
};

export class Listener {
  readonly #options: ListenerOptions;
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #delayMs = RECONNECT_MS_MIN;
  #isStopped = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#connect();
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    client?.end().catch(() => {});
  }

  #connect(): void {
    const { url, channel, onPayload, onConnected } = this.#options;
    const client = new pg.Client({ connectionString: url, keepAlive: true, application_name: "dacapo hints" });
    this.#client = client;
    // `error` and `end` may both come, and `connect` may reject as well. The first of them starts the next connection.
    const lost = (): void => {
      if (this.#client !== client) return;
      this.#client = null;
      client.end().catch(() => {});
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => this.#connect(), this.#delayMs);
      this.#timer.unref();
      this.#delayMs = Math.min(this.#delayMs * 2, RECONNECT_MS_MAX);
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ payload }) => {
      if (payload !== undefined && !this.#isStopped) onPayload(payload);
    });
    client
      .connect()
      .then(() => client.query(`listen ${channel}`))
      .then(() => {
        this.#delayMs = RECONNECT_MS_MIN;
        if (!this.#isStopped) onConnected();
      })
      .catch(lost);
  }
}
