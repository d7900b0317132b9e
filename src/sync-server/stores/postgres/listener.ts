/**
 * One connection that listens to a channel of Postgres. If it is lost, it connects again until `stop`.
 *
 * Guarantees (listener.test.ts):
 * - `onConnected` runs after each `listen`, so that its owner hears that notifications may be lost.
 * - A connection that vanished without a word is noticed, because a statement needs an answer every `pingMs`.
 *   Networks forget idle connections, and the system itself would notice it after hours.
 */
import pg from "pg";

const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;
const PING_MS = 20_000;
const ANSWER_MS_MAX = 10_000;

export type ListenerOptions = {
  readonly url: string;
  /** A name that needs no quotes. */
  readonly channel: string;
  readonly onPayload: (text: string) => void;
  readonly onConnected: () => void;
  /** @default 20_000 */
  readonly pingMs?: number;
  /** @default 10_000 */
  readonly answerMsMax?: number;
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
    const { url, channel, onPayload, onConnected, pingMs = PING_MS, answerMsMax = ANSWER_MS_MAX } = this.#options;
    const client = new pg.Client({
      connectionString: url,
      keepAlive: true,
      application_name: "dacapo hints",
      connectionTimeoutMillis: answerMsMax,
      query_timeout: answerMsMax,
    });
    this.#client = client;
    // `error` and `end` may both come, and `connect` may reject as well. The first of them starts the next connection.
    const lost = (): void => {
      if (this.#client !== client) return;
      this.#client = null;
      client.end().catch(() => {});
      if (this.#isStopped) return;
      if (this.#timer) clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#connect(), this.#delayMs);
      this.#timer.unref();
      this.#delayMs = Math.min(this.#delayMs * 2, RECONNECT_MS_MAX);
    };
    const ping = (): void => {
      if (this.#client !== client) return;
      this.#timer = setTimeout(() => {
        client.query("select").then(ping, lost);
      }, pingMs);
      this.#timer.unref();
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ payload }) => {
      if (payload !== undefined && !this.#isStopped) onPayload(payload);
    });
    client
      .connect()
      // A connection that waits for hints is idle, so a time limit of an administrator would end it each time.
      .then(() => client.query(`set idle_session_timeout = 0; listen ${channel}`))
      .then(() => {
        this.#delayMs = RECONNECT_MS_MIN;
        if (!this.#isStopped) onConnected();
        ping();
      })
      .catch(lost);
  }
}
