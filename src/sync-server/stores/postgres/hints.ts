/**
 * Hints between the nodes on one Postgres database, by LISTEN and NOTIFY.
 *
 * Guarantees (postgres.hints.test.ts):
 * - NOTIFY is never part of an append, because there it holds a lock of the whole database: with many logs, appends
 *   took five times as long (docs/decisions/postgres-store.md).
 * - Logs of one moment share a statement. A failed statement is dropped, because every node also reads by itself.
 * - A lost connection returns by itself. Then `onHint(null)` reports that hints may be lost.
 */
import pg from "pg";
import type { StoreHints } from "../event-store.ts";
import { parseOwnJson } from "../../../core/values/json.ts";

/** One channel for all schemas, because a channel's name is shorter than a schema's may be. */
const CHANNEL = "dacapo_hints";
const GATHER_MS = 10;
/** Postgres allows less than 8000 bytes. */
const PAYLOAD_LENGTH_MAX = 7_000;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;

type Payload = { readonly schema: string; readonly node: string; readonly logs: readonly string[] };

export type HintSettings = {
  readonly url: string;
  readonly schema: string;
  /** Runs one statement on the store's pool. */
  readonly query: (text: string, values: unknown[]) => Promise<unknown>;
};

export class PostgresHints implements StoreHints {
  readonly #settings: HintSettings;
  readonly #node = crypto.randomUUID();
  readonly #logs = new Set<string>();

  constructor(settings: HintSettings) {
    this.#settings = settings;
  }

  send(log: string): void {
    if (this.#logs.size === 0) setTimeout(() => this.#notify(), GATHER_MS);
    this.#logs.add(log);
  }

  listen(onHint: (log: string | null) => void): () => void {
    const { url, schema } = this.#settings;
    const listener = new Listener(
      url,
      (text) => {
        const payload = parseOwnJson<Payload>(text);
        if (payload.schema === schema && payload.node !== this.#node) for (const log of payload.logs) onHint(log);
      },
      () => onHint(null),
    );
    listener.connect();
    return () => listener.stop();
  }

  #notify(): void {
    const { schema, query } = this.#settings;
    const pages: string[][] = [[]];
    let length = 0;
    for (const log of this.#logs) {
      length += log.length + 3;
      if (length > PAYLOAD_LENGTH_MAX) {
        pages.push([]);
        length = log.length + 3;
      }
      pages.at(-1)?.push(log);
    }
    this.#logs.clear();
    const payloads = pages.map((logs) => JSON.stringify({ schema, node: this.#node, logs } satisfies Payload));
    query("select pg_notify($1, payload) from json_array_elements_text($2::text::json) as p(payload)", [
      CHANNEL,
      JSON.stringify(payloads),
    ]).catch(() => {});
  }
}

/** One connection that listens. It connects again until `stop`. */
class Listener {
  readonly #url: string;
  readonly #onPayload: (text: string) => void;
  readonly #onConnected: () => void;
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #delayMs = RECONNECT_MS_MIN;
  #isStopped = false;

  constructor(url: string, onPayload: (text: string) => void, onConnected: () => void) {
    this.#url = url;
    this.#onPayload = onPayload;
    this.#onConnected = onConnected;
  }

  connect(): void {
    const client = new pg.Client({ connectionString: this.#url, keepAlive: true, application_name: "dacapo hints" });
    this.#client = client;
    // `error` and `end` may both come, and `connect` may reject as well. The first of them starts the next connection.
    const lost = (): void => {
      if (this.#client !== client) return;
      this.#client = null;
      client.end().catch(() => {});
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => this.connect(), this.#delayMs);
      this.#timer.unref();
      this.#delayMs = Math.min(this.#delayMs * 2, RECONNECT_MS_MAX);
    };
    client.on("error", lost);
    client.on("end", lost);
    client.on("notification", ({ payload }) => {
      if (payload !== undefined) this.#onPayload(payload);
    });
    client
      .connect()
      .then(() => client.query(`listen ${CHANNEL}`))
      .then(() => {
        this.#delayMs = RECONNECT_MS_MIN;
        this.#onConnected();
      })
      .catch(lost);
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    const client = this.#client;
    this.#client = null;
    client?.end().catch(() => {});
  }
}
