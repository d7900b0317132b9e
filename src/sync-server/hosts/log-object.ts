/**
 * One log in a Durable Object: the runtime's events, passed to a sync server.
 *
 * Guarantees, each by a test of test/workerd:
 * - The object can lose its memory between any two events. Its SQL contains the log, the outcomes and spent tickets.
 * - A socket's attachment contains what the hub needs of the socket, in less than 2 KB.
 * - An alarm checks the rights of open sockets again, also after the object slept.
 * - A socket gets no record and no new presence while its right to read is older than 40 seconds. The right is
 *   requested first, because the alarm for it may be rare.
 * - The object serves the log of its own name and no other. Otherwise a wrong router would mix two logs.
 * - The body of each request is read or cancelled. Otherwise the runtime logs an error for it.
 */
import { CLIENT_FRAME_BYTES_MAX } from "../../core/history/limits.ts";
import { DefinitionError } from "../../core/values/errors.ts";
import { toPlainError } from "../../core/values/plain-error.ts";
import type { LogArchive, LogLines } from "../archive/archive-lines.ts";
import type { ImportedLog } from "../archive/import-log.ts";
import type { ServerLog } from "../server-log/server-log.ts";
import { RIGHTS_MS } from "../base/limits.ts";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import { PONG_FRAME } from "../live/frame-text.ts";
import type { LiveHub } from "../live/hub.ts";
import { ReadRight } from "../live/read-right.ts";
import { nextRecheckAt } from "../live/recheck-rights.ts";
import { SILENCE_CHECK_MS } from "../live/watch-sockets.ts";
import type { LiveGate } from "../live/upgrade-gate.ts";
import {
  autoResponse,
  type HibernatingSocket,
  type LogObjectContext,
  type RpcResult,
  socketPair,
  upgraded,
} from "./cloudflare-runtime.ts";
import type { LogHandles } from "./log-handles.ts";
import { callVerb, effectOf, type LogVerb, type VerbArgs, type VerbEffect, type VerbResult } from "./log-verbs.ts";
import { HibernatingSockets } from "./hibernating-sockets.ts";
import { ObjectSchedule, type ObjectTasks } from "./object-schedule.ts";
import { syncTarget } from "./sync-target.ts";

/** The sync server of an object. */
export type ObjectServer = {
  readonly request: (request: Request) => Promise<Response>;
  readonly live: Pick<LiveGate, "open"> & Pick<LiveHub, "resume" | "watch">;
  readonly poke: (log: string) => void;
  readonly log: (name: string) => ServerLog;
  readonly drop: (log: string) => Promise<void>;
  readonly importLog: (log: string, archive: LogLines) => Promise<ImportedLog>;
};

export type LogObjectOptions = {
  readonly context: LogObjectContext;
  readonly server: ObjectServer;
  readonly prefix: string;
  readonly handles: LogHandles;
  /** Milliseconds between two checks of a socket's right to read. Infinity: only the end of its token counts. */
  readonly permitMs: number;
  /** The tasks of the log, which run after each push and when they are due. */
  readonly tasks: ObjectTasks;
  /** Receives a function that wakes the object soon, for appends that make work for a task. */
  readonly onStart?: (wakeSoon: () => void) => void;
  readonly report: (error: unknown) => void;
};

/** A ping as Dacapo's client writes it. Any other spelling wakes the object, and the hub answers. */
const PING_FRAME = `{"type":"ping"}`;
/** WebSocket close codes "unsupported data" and "message too big". */
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_TOO_LONG = 1009;

/** Milliseconds until an object that lost its memory continues the work of its last append. */
const CONTINUE_MS = 15_000;

export class LogObject {
  readonly #options: LogObjectOptions;
  readonly #sockets: HibernatingSockets;
  readonly #schedule: ObjectSchedule;
  /** When the next check of all sockets is due, and the check that runs now. After a loss of memory it is due. */
  readonly #check: { dueAt: number; running: Promise<void> | null } = { dueAt: 0, running: null };

  constructor(options: LogObjectOptions) {
    const { context, server, permitMs, report, tasks, onStart } = options;
    this.#options = options;
    this.#schedule = new ObjectSchedule({
      storage: context.storage,
      now: Date.now,
      report,
      tasks: { ...tasks, sockets: (now) => this.#watchSockets(now, permitMs) },
    });
    onStart?.(() => this.#wakeSoon());
    this.#sockets = new HibernatingSockets({
      context,
      resume: server.live.resume,
      onSave: (attachment) => {
        const dueAt = nextRecheckAt({ right: new ReadRight(attachment), principal: attachment.principal }, permitMs);
        void this.#schedule.wakeBy(Math.min(dueAt, Date.now() + SILENCE_CHECK_MS));
      },
    });
    context.setWebSocketAutoResponse(autoResponse(PING_FRAME, PONG_FRAME));
    // The object may have lost its memory before it sent a frame. The poke reads those records again.
    for (const log of this.#sockets.resumeAll()) server.poke(log);
  }

  async fetch(request: Request): Promise<Response> {
    try {
      return await this.#answer(request);
    } finally {
      if (request.body && !request.bodyUsed) await request.body.cancel();
    }
  }

  async receive(socket: HibernatingSocket, message: string | ArrayBuffer): Promise<void> {
    if (typeof message !== "string") return this.#sockets.close(socket, CLOSE_UNSUPPORTED, "text only");
    if (message.length > CLIENT_FRAME_BYTES_MAX) return this.#sockets.close(socket, CLOSE_TOO_LONG, "too long");
    // The check closes silent sockets, and this one is not silent.
    this.#sockets.connectionOf(socket)?.heard();
    await this.#checkSockets();
    this.#sockets.connectionOf(socket)?.receive(message);
  }

  closed(socket: HibernatingSocket): void {
    this.#sockets.closed(socket);
  }

  ring(isRetry = false): Promise<void> {
    return this.#schedule.ring(isRetry);
  }

  drop(log: string): Promise<RpcResult<null>> {
    return this.#operate(log, async (server) => {
      await server.drop(log);
      return null;
    });
  }

  importLog(log: string, archive: LogArchive): Promise<RpcResult<ImportedLog>> {
    return this.#operate(log, (server) => server.importLog(log, archive));
  }

  call<Verb extends LogVerb>(log: string, verb: Verb, args: VerbArgs[Verb]): Promise<RpcResult<VerbResult[Verb]>> {
    const act = (server: ObjectServer) => callVerb(server.log(log), this.#options.handles, verb, args);
    return this.#operate(log, act, effectOf(verb));
  }

  async #answer(request: Request): Promise<Response> {
    const { server, prefix, report } = this.#options;
    const target = syncTarget(request.method, new URL(request.url).pathname, prefix);
    if (target === null || !("log" in target)) return errorResponse(new HttpRefusal("not-found"));
    if (!this.#isOwn(target.log)) {
      report(this.#wrongLog(target.log));
      return errorResponse(new HttpRefusal("not-found"));
    }
    if (request.method === "POST") return this.#answerPush(request, target.kind === "admin");
    if (target.kind !== "live") return server.request(request);
    const opening = await server.live.open(request, target.log);
    if (opening.kind === "refused") return opening.response;
    const { client, ours } = socketPair();
    this.#sockets.accept(ours, opening.join);
    return upgraded(client);
  }

  async #answerPush(request: Request, isOperator: boolean): Promise<Response> {
    await Promise.all([this.#schedule.read(), this.#checkSockets()]);
    const response = await this.#options.server.request(request);
    if (response.ok && isOperator) this.#wakeSoon();
    if (response.ok) this.#runTasks();
    return response;
  }

  #wakeSoon(): void {
    this.#schedule.armBy(Date.now() + CONTINUE_MS);
  }

  /** A write may have made work for the tasks of the log. */
  #runTasks(): void {
    for (const name of Object.keys(this.#options.tasks)) void this.#schedule.runNow(name);
  }

  /** Checks rights and silence while the object is awake. All events wait for a running check, in their order. */
  async #checkSockets(): Promise<void> {
    const now = Date.now();
    const { dueAt } = this.#check;
    // A time that is further away comes from a clock that was set back.
    const isFresh = now < dueAt && now >= dueAt - RIGHTS_MS;
    if (!isFresh) {
      // Sockets that open from now on have a fresh right.
      this.#check.dueAt = now + RIGHTS_MS;
      this.#check.running = this.#checkRights(now).finally(() => (this.#check.running = null));
    }
    await this.#check.running;
  }

  async #checkRights(now: number): Promise<void> {
    const { permitMs, report } = this.#options;
    try {
      const nextAt = await this.#watchSockets(now, permitMs === Infinity ? permitMs : Math.min(permitMs, RIGHTS_MS));
      this.#check.dueAt = Math.min(this.#check.dueAt, nextAt);
      // The runtime drops an alarm that keeps failing. This sets a new one.
      if (nextAt !== Infinity) await this.#schedule.wakeBy(now + SILENCE_CHECK_MS);
    } catch (error) {
      report(error);
    }
  }

  async #watchSockets(now: number, permitMs: number): Promise<number> {
    return now + ((await this.#options.server.live.watch(permitMs)) ?? Infinity);
  }

  async #operate<Value>(
    log: string,
    action: (server: ObjectServer) => Promise<Value>,
    effect: VerbEffect = "appends",
  ): Promise<RpcResult<Value>> {
    try {
      if (!this.#isOwn(log)) throw this.#wrongLog(log);
      await Promise.all([this.#schedule.read(), this.#checkSockets()]);
      const value = await action(this.#options.server);
      // The work must continue although the object loses its memory.
      if (effect === "starts") this.#wakeSoon();
      if (effect !== "reads") this.#runTasks();
      return { ok: true, value };
    } catch (error) {
      return { ok: false, error: toPlainError(error) };
    }
  }

  #isOwn(log: string): boolean {
    return this.#options.context.id.name === log;
  }

  #wrongLog(log: string): DefinitionError {
    const { name } = this.#options.context.id;
    if (name === undefined)
      return new DefinitionError({
        message: `The object of the log ${log} does not know its own name`,
        fix: "Set `compatibility_date` in wrangler.jsonc to 2026-04-07 or later, and find objects by `getByName`.",
        details: { log },
      });
    return new DefinitionError({
      message: `A request for the log ${log} reached the object ${name}`,
      fix: "Send every request through the `worker` of cloudflare(), which finds the object of each log.",
      details: { log, object: name },
    });
  }
}
