/** A log with all that follows it, whose object sleeps or is killed after any step: sockets, presence, jobs, timers. */
import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { expect } from "vitest";
import type { Commit } from "../../src/core/history/commit.ts";
import { type Cursor, sameCursor } from "../../src/core/history/record.ts";
import { type Outcome, wireCursor } from "../../src/core/wire/messages.ts";
import { parsePushAnswer } from "../../src/core/wire/read-messages.ts";
import { board, task } from "../support/board-domain.ts";
import { order } from "../support/invoices-domain.ts";
import { newLog, type ObjectSocket } from "./log-object.ts";
import { mails } from "./subscribers.ts";
import { fullLogs, fullWorker } from "./worker.ts";

async function eventually<Value>(get: () => Value, wanted: NoInfer<Value>): Promise<void> {
  await expect.poll(get).toEqual(wanted);
}

/** Numbers that look random and are the same in each run. */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed * 7_919;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type OpenSocket = {
  readonly socket: ObjectSocket;
  readonly start: Cursor | null;
  readonly client: string;
  /** Its presence, or null. */
  shown: number | null;
};

export class EvictionScene {
  readonly log: ReturnType<typeof newLog>;
  readonly operator: ReturnType<ReturnType<typeof fullLogs>["log"]>;
  readonly recorded: string[] = [];
  readonly titles: string[] = [];
  readonly #pick: (below: number) => number;
  readonly #ada: ReturnType<ReturnType<typeof newLog>["person"]>;
  sockets: OpenSocket[] = [];
  head: Cursor | null = null;
  orders = 0;

  constructor(seed: number) {
    this.#pick = numbersFrom(seed);
    this.log = newLog(fullWorker, env.FULL_LOGS, `mixed-${seed}`);
    this.operator = fullLogs(env).log(this.log.log);
    this.#ada = this.log.person("ada");
  }

  // A stub of an object that was aborted fails for ever.
  get #stub() {
    return env.FULL_LOGS.getByName(this.log.log);
  }

  async step(n: number): Promise<void> {
    const steps = [
      () => this.#addTask(n, "todo"),
      () => this.#addTask(n, "timed"),
      () => this.#order(n),
      () => this.#open(),
      () => this.#show(n),
      () => this.#renew(),
      () => this.#breakMail(n),
      async () => void (await this.#call(() => this.operator.models.rebuild(board))),
    ];
    await steps[this.#pick(steps.length)]?.();
    const end = this.#pick(10);
    if (end === 0) await this.#abort();
    else if (end < 7) await this.#evict();
  }

  /** Lets the alarm ring until nothing is left to do. */
  async settle(): Promise<void> {
    mails.broken.clear();
    await this.#expireRetries();
    await runDurableObjectAlarm(this.#stub);
  }

  #evict = (): Promise<void> => evictDurableObject(this.#stub).catch(() => {});

  async #abort(): Promise<void> {
    await runInDurableObject(this.#stub, (_, ctx) => ctx.abort("a deploy")).catch(() => {});
    await eventually(() => this.sockets.every(({ socket }) => socket.isClosed()), true);
    this.sockets = [];
  }

  #expireRetries(): Promise<unknown> {
    return runInDurableObject(this.#stub, (_, { storage }) =>
      storage.sql.exec(
        "update dacapo_rows set row = json_set(row, '$.notBefore', 0) where json_extract(row, '$.notBefore') > 0",
      ),
    );
  }

  /** Pushes a commit, as a device does, until it has an answer. */
  async #push(commit: Commit): Promise<Outcome | undefined> {
    for (;;) {
      const body = { after: wireCursor(this.head), domain: 1, commits: [commit] };
      const response = await this.#ada.request("commits", body);
      const text = await response.text();
      if (response.status === 503) continue;
      if (response.status !== 200) throw new Error(`${response.status} ${text}`);
      const answer = parsePushAnswer(text);
      if (!answer.ok) throw new Error(text);
      this.head = answer.value.cursor;
      const outcome = answer.value.outcomes[0];
      if (outcome?.outcome === "recorded") this.recorded.push(commit.id);
      return outcome;
    }
  }

  async #addTask(n: number, column: string): Promise<void> {
    this.titles.push(`${this.log.log} ${n}`);
    await this.#push(this.#ada.commit(task.command.add(`t${n}`, { title: `${this.log.log} ${n}`, column })));
  }

  async #order(n: number): Promise<void> {
    const number = this.#pick(4);
    const commands = [order.command.place(`o${n}`, { total: 3 }), order.command.pay(`o${n}`, { number: `${number}` })];
    if ((await this.#push(this.#ada.commit(...commands)))?.outcome === "recorded") this.orders++;
  }

  async #breakMail(n: number): Promise<void> {
    mails.broken.add(`${this.log.log} ${n}`);
    await this.#addTask(n, "todo");
  }

  async #open(): Promise<void> {
    const socket = await this.log.live("token-of-bob", this.head);
    this.sockets.push({ socket, start: this.head, client: crypto.randomUUID(), shown: null });
    await this.#seePresence();
  }

  async #show(n: number): Promise<void> {
    const shown = this.sockets[this.#pick(this.sockets.length)];
    if (!shown) return;
    shown.socket.send({ type: "presence", client: shown.client, data: n });
    shown.shown = n;
    await this.#seePresence();
  }

  /** Each socket sees the presence of all. */
  async #seePresence(): Promise<void> {
    const all = new Map(this.sockets.flatMap(({ client, shown }) => (shown === null ? [] : [[client, shown]])));
    for (const { socket } of this.sockets) await eventually(() => presenceIn(socket), all);
  }

  async #renew(): Promise<void> {
    const { socket } = this.sockets[this.#pick(this.sockets.length)] ?? {};
    if (!socket) return;
    const renewals = () => socket.frames.filter(({ type }) => type === "renewed").length;
    const before = renewals();
    socket.send({ type: "token", token: "token-of-bob" });
    await eventually(renewals, before + 1);
  }

  async #call<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await work();
    } catch (error) {
      // A job of the model may run already.
      const { code } = error as { readonly code?: string };
      if (code === "concurrency" || code === "unreachable") return undefined;
      throw error;
    }
  }
}

/** The presence that a socket was sent, by device. */
function presenceIn({ frames }: ObjectSocket): ReadonlyMap<string, unknown> {
  const shown = new Map<string, unknown>();
  for (const frame of frames as readonly {
    type: string;
    set?: { client: string; data: unknown }[];
    gone?: string[];
  }[]) {
    for (const client of frame.gone ?? []) shown.delete(client);
    for (const { client, data } of frame.set ?? []) shown.set(client, data);
  }
  return shown;
}

/** The cursor of a socket after its frames, each of which must follow the one before. */
export function cursorOf(socket: ObjectSocket, start: Cursor | null): Cursor | null {
  let at = start;
  for (const frame of socket.frames as readonly { type: string; after: Cursor | null; cursor: Cursor | null }[]) {
    if (frame.type !== "records") continue;
    expect(sameCursor(frame.after, at)).toBe(true);
    at = frame.cursor;
  }
  return at;
}
