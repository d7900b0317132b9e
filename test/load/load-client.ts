/**
 * One client of the load: a live socket that reads, and a push each second, whether or not the last one is answered.
 *
 * The client does not parse frames but only finds their ends, because a thousand clients share two processes.
 */
import { Agent, request } from "node:http";
import { WebSocket } from "ws";
import { makeCommit, type MadeCommit, pushBody, task } from "../support/http-writer.ts";
import { parseOwnJson } from "../support/own-json.ts";

export type LoadClientOptions = { readonly url: string; readonly log: string; readonly actor: string };

export type LoadCounts = {
  /** Milliseconds from each push to its whole answer. */
  readonly answerMs: number[];
  /** Ids of commits that were acknowledged as recorded. */
  readonly recorded: Set<string>;
  readonly failures: string[];
  frames: number;
  hints: number;
  gaps: number;
  socketsLost: number;
  resent: number;
};

type Answer = { readonly status: number; readonly text: string };

const ATTEMPTS_MAX = 5;

export class LoadClient {
  readonly #options: LoadClientOptions;
  readonly #counts: LoadCounts;
  readonly #client = crypto.randomUUID();
  /** One connection, like a device that pushes one batch after the other. */
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #socket: WebSocket | null = null;
  #stopped = false;
  /** The position up to which frames arrived. A hint does not move it. */
  #live: string | null = null;
  #hinted = false;
  #after: string | null = null;
  #made = 0;
  #underWay = new Set<Promise<void>>();

  constructor(options: LoadClientOptions, counts: LoadCounts) {
    this.#options = options;
    this.#counts = counts;
  }

  async open(): Promise<void> {
    const { url, log } = this.#options;
    const { status, text } = await this.#call("POST", "/tickets", "{}");
    if (status !== 200) throw new Error(`No ticket: ${status} ${text}`);
    const { ticket } = parseOwnJson<{ ticket: string }>(text);
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/logs/${log}/live?ticket=${ticket}`, {
      perMessageDeflate: false,
    });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.on("open", resolve);
      socket.on("error", reject);
    });
    socket.on("message", (frame: Buffer) => this.#take(frame));
    socket.on("close", () => (this.#counts.socketsLost += this.#stopped ? 0 : 1));
    await this.#push(false);
  }

  /** Sends a ping, as clients do. */
  ping(): void {
    this.#socket?.send('{"type":"ping"}');
  }

  push(isMeasured: boolean): void {
    const done = this.#push(isMeasured).catch((error: unknown) => void this.#counts.failures.push(String(error)));
    this.#underWay.add(done);
    void done.finally(() => this.#underWay.delete(done));
  }

  /** Resolves when all pushes were answered. */
  async answered(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  close(): void {
    this.#stopped = true;
    this.#socket?.terminate();
    this.#agent.destroy();
  }

  async #push(isMeasured: boolean): Promise<void> {
    const commit = this.#make();
    const sent = performance.now();
    const { status, text } = await this.#call("POST", "/commits", pushBody(this.#after, [commit]));
    if (isMeasured) this.#counts.answerMs.push(performance.now() - sent);
    if (status !== 200) return void this.#counts.failures.push(`${status} ${text.slice(0, 200)}`);
    if (text.startsWith(`{"outcomes":[{"id":"${commit.id}","outcome":"recorded"`)) this.#counts.recorded.add(commit.id);
    else this.#counts.failures.push(text.slice(0, 200));
    this.#moveTo(fieldAt(text, '"cursor":"', text.lastIndexOf('"cursor":"')));
  }

  /** The first commit adds a task, and each later commit adds a note to it. */
  #make(): MadeCommit {
    const { actor: id } = this.#options;
    const n = this.#made++;
    return makeCommit(id, this.#client, [
      n === 0
        ? task.command.add(id, { title: `Task ${n}`, column: "todo" })
        : task.command.note(id, { text: `Note ${n} of ${id}` }),
    ]);
  }

  #take(frame: Buffer): void {
    this.#counts.frames++;
    const begin = frame.toString("latin1", 0, 160);
    if (begin.startsWith('{"type":"records"')) {
      const follows = fieldAt(begin, '"after":"', begin.indexOf('"after":"'));
      if (this.#live !== null && !this.#hinted && follows !== this.#live) this.#counts.gaps++;
      const end = frame.toString("latin1", Math.max(0, frame.length - 160));
      this.#live = fieldAt(end, '"cursor":"', end.lastIndexOf('"cursor":"'));
      this.#hinted = false;
      this.#moveTo(this.#live);
    } else if (begin.startsWith('{"type":"head"')) {
      this.#counts.hints++;
      this.#hinted = true;
    }
  }

  #moveTo(cursor: string | null): void {
    if (cursor !== null && positionOf(cursor) > positionOf(this.#after)) this.#after = cursor;
  }

  /** Repeats the push if the connection was lost, as clients do, because a server ends idle connections. */
  async #call(method: string, path: string, body: string): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#send(method, path, body);
      } catch (error) {
        if (attempt === ATTEMPTS_MAX) throw error;
        this.#counts.resent++;
      }
    }
  }

  #send(method: string, path: string, body: string): Promise<Answer> {
    const { url, log, actor } = this.#options;
    return new Promise((resolve, reject) => {
      const headers = {
        authorization: `Bearer ${actor}`,
        "content-type": "application/json",
        "content-length": Buffer.byteLength(body),
      };
      const sent = request(`${url}/logs/${log}${path}`, { method, agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
        response.on("error", reject);
      });
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

/** Returns the text between a field's quotes. `at` is the index where the field's name begins. */
function fieldAt(text: string, name: string, at: number): string | null {
  if (at < 0) return null;
  const from = at + name.length;
  return text.slice(from, text.indexOf('"', from));
}

function positionOf(cursor: string | null): number {
  return cursor === null ? 0 : Number(cursor.slice(0, cursor.indexOf("-")));
}
