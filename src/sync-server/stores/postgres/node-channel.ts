/**
 * The channel between the nodes on one Postgres database, by LISTEN and NOTIFY. It carries hints and presence.
 *
 * Guarantees (live.postgres-nodes.test.ts, S13 and S14 of the conformance suite):
 * - NOTIFY is never part of an append, because there it holds a lock of the whole database: with many logs, appends
 *   took five times as long (docs/decisions/postgres-store.md).
 * - What is sent within 10 ms shares a statement, and one statement runs at a time. So the messages of a node stay in
 *   order. A failed statement is dropped, because every node also reads by itself.
 * - A lost connection returns by itself. Then `onHint(null)` reports that hints and presence may be lost.
 * - A notification that is no message of a node is ignored. Otherwise any program could end every node.
 * - While the database does not answer, at most `WAITING_BYTES_MAX` of presence wait. Further messages are dropped.
 */
import { PRESENCE_MESSAGE_BYTES_MAX, type StoreHints, type StorePresence } from "../between-nodes.ts";
import { byteLength } from "../../../core/values/byte-length.ts";
import { type Json, parseOwnJson } from "../../../core/values/json.ts";
import { Listener } from "./listener.ts";

/** One channel for all schemas, because a channel's name is shorter than a schema's may be. */
const CHANNEL = "dacapo_hints";
const GATHER_MS = 10;
/** Postgres allows less than 8000 bytes. The rest is for the schema and the node. */
const PAYLOAD_BYTES_MAX = 7_400;
const WAITING_BYTES_MAX = 256 * 1024;
/** A log's name and the JSON around it. */
const LOG_BYTES_MAX = 1_000;

type Message = readonly [log: string, message: Json];
type Payload = {
  readonly schema: string;
  readonly node: string;
  readonly logs: readonly string[];
  readonly presence?: readonly Message[];
};

export type NodeChannelOptions = {
  readonly url: string;
  readonly schema: string;
  /** Runs one statement on the store's pool. */
  readonly query: (text: string, values: unknown[]) => Promise<unknown>;
};

export class NodeChannel {
  readonly hints: StoreHints = {
    send: (log) => {
      this.#logs.add(log);
      this.#gather();
    },
    listen: (onHint) => this.#listen((payload) => (payload ? payload.logs.forEach(onHint) : onHint(null))),
  };
  readonly presence: StorePresence = {
    send: (log, message) => this.#addPresence([log, message]),
    listen: (onMessage) =>
      this.#listen((payload) =>
        payload?.presence?.forEach(([log, message]) => onMessage({ node: payload.node, log, message })),
      ),
  };
  readonly #options: NodeChannelOptions;
  readonly #node = crypto.randomUUID();
  readonly #readers = new Set<(payload: Payload | null) => void>();
  #listener: Listener | null = null;
  readonly #logs = new Set<string>();
  #messages: Message[] = [];
  #messageBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;

  constructor(options: NodeChannelOptions) {
    this.#options = options;
  }

  /** Sends what still waits. Later messages are dropped by the closed pool. */
  async close(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    await this.#sending;
    await this.#send();
  }

  #addPresence(message: Message): void {
    const bytes = byteLength(JSON.stringify(message));
    if (bytes > PRESENCE_MESSAGE_BYTES_MAX + LOG_BYTES_MAX || this.#messageBytes + bytes > WAITING_BYTES_MAX) return;
    this.#messages.push(message);
    this.#messageBytes += bytes;
    this.#gather();
  }

  #gather(): void {
    if (this.#timer || this.#sending) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#sending = this.#send().then(() => {
        this.#sending = null;
        if (this.#logs.size + this.#messages.length > 0) this.#gather();
      });
    }, GATHER_MS);
  }

  async #send(): Promise<void> {
    const { schema, query } = this.#options;
    const about = { schema, node: this.#node };
    const payloads = [
      ...pagesOf([...this.#logs]).map((logs): Payload => ({ ...about, logs })),
      ...pagesOf(this.#messages).map((presence): Payload => ({ ...about, logs: [], presence })),
    ];
    this.#logs.clear();
    [this.#messages, this.#messageBytes] = [[], 0];
    if (payloads.length === 0) return;
    await query("select pg_notify($1, payload) from json_array_elements_text($2::text::json) as p(payload)", [
      CHANNEL,
      JSON.stringify(payloads.map((payload) => JSON.stringify(payload))),
    ]).catch(() => {});
  }

  /** Hints and presence share one connection. */
  #listen(read: (payload: Payload | null) => void): () => void {
    const { url, schema } = this.#options;
    this.#readers.add(read);
    const toAll = (payload: Payload | null) => this.#readers.forEach((reader) => reader(payload));
    this.#listener ??= new Listener({
      url,
      channel: CHANNEL,
      onPayload: (text) => {
        const payload = readPayload(text);
        if (payload?.schema === schema && payload.node !== this.#node) toAll(payload);
      },
      onConnected: () => toAll(null),
    });
    return () => {
      this.#readers.delete(read);
      if (this.#readers.size > 0) return;
      this.#listener?.stop();
      this.#listener = null;
    };
  }
}

/** Null: another program or another release sent it, because every role of the database can use the channel. */
function readPayload(text: string): Payload | null {
  try {
    const { schema, node, logs, presence = [] } = parseOwnJson<Payload>(text);
    const isKnown = [schema, node, ...logs, ...presence.map(([log]) => log)].every((one) => typeof one === "string");
    return isKnown ? { schema, node, logs, presence } : null;
  } catch {
    return null;
  }
}

/** Cuts a list into pages of at most `PAYLOAD_BYTES_MAX` as JSON. */
function pagesOf<Item extends Json>(items: readonly Item[]): Item[][] {
  const pages: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const bytes = byteLength(JSON.stringify(item)) + 1;
    room -= bytes;
    if (room < 0) {
      pages.push([]);
      room = PAYLOAD_BYTES_MAX - bytes;
    }
    pages.at(-1)?.push(item);
  }
  return pages;
}
