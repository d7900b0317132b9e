/** A client that follows the protocol. The server must serve it while hostile clients attack. */
import { WebSocket } from "ws";
import { cursorAfter, makeCommit, pushBody, task, type WireAnswer } from "../support/http-writer.ts";
import { parseOwnJson } from "../support/own-json.ts";

const FRAMES_MS_MAX = 10_000;
/** A peer that is silent for this long counts as gone. */
const PING_MS = 20_000;

export class GoodClient {
  /** Commits that were acknowledged. */
  readonly recorded = new Set<string>();
  readonly #url: string;
  readonly #log: string;
  readonly #client = crypto.randomUUID();
  readonly #live = new Set<string>();
  #socket: WebSocket | null = null;
  #made = 0;
  #after: string | null = null;

  constructor(url: string, log: string) {
    this.#url = url;
    this.#log = log;
  }

  /** Opens a live socket. Returns the problem, or null. */
  async open(): Promise<string | null> {
    const response = await this.#post("tickets", "{}");
    const { ticket } = parseOwnJson<{ ticket: string }>(await response.text());
    const socket = new WebSocket(`${this.#url.replace(/^http/, "ws")}/logs/${this.#log}/live?ticket=${ticket}`, {
      perMessageDeflate: false,
    });
    this.#socket = socket;
    const pings = setInterval(() => socket.send('{"type":"ping"}'), PING_MS);
    socket.on("close", () => clearInterval(pings));
    socket.on("message", (data: Buffer) => {
      const frame = parseOwnJson<{ type: string; records?: { commit: string }[] }>(data.toString());
      for (const { commit } of frame.records ?? []) this.#live.add(commit);
    });
    return new Promise((resolve) => {
      socket.on("open", () => resolve(null));
      socket.on("error", (error) => resolve(`A good client got no socket: ${error.message}`));
    });
  }

  async push(): Promise<string | null> {
    const commit = makeCommit("ada", this.#client, [
      task.command.add(`good-${this.#made++}`, { title: "Good", column: "todo" }),
    ]);
    try {
      const response = await this.#post("commits", pushBody(this.#after, [commit]));
      const text = await response.text();
      if (response.status !== 200) return `A good push was answered ${response.status} ${text.slice(0, 300)}`;
      const answer = parseOwnJson<WireAnswer>(text);
      if (answer.outcomes[0]?.outcome !== "recorded") return `A good commit became ${JSON.stringify(answer.outcomes)}`;
      this.recorded.add(commit.id);
      this.#after = cursorAfter(text) ?? this.#after;
      return null;
    } catch (error) {
      return `A good push failed: ${String(error)}`;
    }
  }

  /** Waits until its socket has received all that it pushed. */
  async seesItsOwn(): Promise<string | null> {
    for (
      const deadline = Date.now() + FRAMES_MS_MAX;
      Date.now() < deadline;
      await new Promise((resolve) => setTimeout(resolve, 20))
    ) {
      if ([...this.recorded].every((commit) => this.#live.has(commit))) return null;
    }
    const missing = [...this.recorded].filter((commit) => !this.#live.has(commit)).length;
    return `A good client's socket told nothing of ${missing} of its ${this.recorded.size} commits`;
  }

  close(): void {
    this.#socket?.terminate();
  }

  #post(path: string, body: string): Promise<Response> {
    return fetch(`${this.#url}/logs/${this.#log}/${path}`, {
      method: "POST",
      headers: { authorization: "Bearer ada", "content-type": "application/json" },
      body,
      signal: AbortSignal.timeout(30_000),
    });
  }
}
