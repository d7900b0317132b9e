/** The server under attack, and the attacker's knowledge: one valid account, one log, one push that is accepted. */
import { Agent, request } from "node:http";
import { cursorAfter, makeCommit, pushBody, task } from "../support/http-writer.ts";
import { parseOwnJson } from "../support/own-json.ts";

export type Answer = { readonly status: number | null; readonly text: string };

export class Target {
  readonly port: number;
  readonly log = "hostile";
  readonly actor = "mallory";
  readonly client = crypto.randomUUID();
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 8 });
  #made = 0;
  /** The cursor of its reader, so that answers do not hold the whole log. */
  #after: string | null = null;

  constructor(port: number) {
    this.port = port;
  }

  /** A push of one to three commits that the server accepts. */
  goodPush(commits = 1): string {
    return pushBody(
      this.#after,
      Array.from({ length: commits }, () => {
        const id = `m${this.#made++}`;
        return makeCommit(this.actor, this.client, [
          task.command.add(id, { title: "A task", column: "todo" }),
          task.command.note(id, { text: "A note" }),
        ]);
      }),
    );
  }

  async ticket(log = this.log): Promise<string> {
    const { text } = await this.send("POST", `/sync/logs/${log}/tickets`, { body: "{}" });
    return parseOwnJson<{ ticket: string }>(text).ticket;
  }

  async push(body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
    const answer = await this.send("POST", `/sync/logs/${this.log}/commits`, { body, headers });
    this.#after = cursorAfter(answer.text) ?? this.#after;
    return answer;
  }

  /** One HTTP request. A connection that breaks is an answer without a status. */
  send(
    method: string,
    path: string,
    { body, headers = {} }: { readonly body?: string | Buffer; readonly headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    return new Promise((resolve) => {
      const all = {
        authorization: `Bearer ${this.actor}`,
        ...(body !== undefined && {
          "content-type": "application/json",
          "content-length": String(Buffer.byteLength(body)),
        }),
        ...headers,
      };
      const sent = request(
        { host: "127.0.0.1", port: this.port, method, path, agent: this.#agent, headers: all },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? null, text: Buffer.concat(chunks).toString() }),
          );
          response.on("error", () => resolve({ status: null, text: "" }));
        },
      );
      sent.setTimeout(20_000, () => sent.destroy());
      sent.on("error", () => resolve({ status: null, text: "" }));
      sent.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
