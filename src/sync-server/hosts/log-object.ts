/**
 * One log in a Durable Object: the runtime's events, passed to a sync server.
 *
 * Guarantees, each by a test of test/workerd:
 * - The object can lose its memory between any two events. Its SQL contains the log, the outcomes and spent tickets.
 * - A socket's attachment contains what the hub needs of the socket, in less than 2 KB.
 * - An alarm checks the rights of open sockets again, also after the object slept.
 * - The object serves the log of its own name and no other. Otherwise a wrong router would mix two logs.
 * - The body of each request is read or cancelled. Otherwise the runtime logs an error for it.
 */
import { CLIENT_FRAME_BYTES_MAX } from "../../core/history/limits.ts";
import { DefinitionError, toPlainError } from "../../core/values/errors.ts";
import type { ImportedLog } from "../archive/import-log.ts";
import { RIGHTS_MS } from "../base/limits.ts";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import { PONG_FRAME } from "../live/frame-text.ts";
import type { LiveHub } from "../live/hub.ts";
import { SILENCE_CHECK_MS } from "../live/watch-sockets.ts";
import type { LiveGate } from "../live/upgrade-gate.ts";
import { archiveLines } from "./archive-lines.ts";
import {
  autoResponse,
  type HibernatingSocket,
  type LogArchive,
  type LogObjectContext,
  type RpcResult,
  socketPair,
  upgraded,
} from "./cloudflare-runtime.ts";
import { HibernatingSockets } from "./hibernating-sockets.ts";
import { ObjectAlarm } from "./object-alarm.ts";
import { syncTarget } from "./sync-target.ts";

/** The sync server of an object. */
export type ObjectServer = {
  readonly request: (request: Request) => Promise<Response>;
  readonly live: LiveGate & Pick<LiveHub, "resume" | "watch">;
  readonly poke: (log: string) => void;
  readonly drop: (log: string) => Promise<void>;
  readonly importLog: (log: string, lines: AsyncIterable<string>) => Promise<ImportedLog>;
};

export type LogObjectOptions = {
  readonly context: LogObjectContext;
  readonly server: ObjectServer;
  readonly prefix: string;
  /** Milliseconds between two checks of a socket's right to read. Infinity: only the end of its token counts. */
  readonly permitMs: number;
  readonly report: (error: unknown) => void;
};

/** A ping as Dacapo's client writes it. Any other spelling wakes the object, and the hub answers. */
const PING_FRAME = `{"type":"ping"}`;
/** WebSocket close codes "unsupported data" and "message too big". */
const CLOSE_UNSUPPORTED = 1003;
const CLOSE_TOO_LONG = 1009;
const ALARM_MS_MIN = 1_000;

export class LogObject {
  readonly #options: LogObjectOptions;
  readonly #sockets: HibernatingSockets;
  readonly #alarm: ObjectAlarm;
  /** The last check of all sockets. After a loss of memory the first event checks them. */
  #checkedAt = 0;

  constructor(options: LogObjectOptions) {
    const { context, server, permitMs, report } = options;
    this.#options = options;
    this.#alarm = new ObjectAlarm({
      storage: context.storage,
      now: Date.now,
      report,
      run: () => server.live.watch(permitMs),
    });
    this.#sockets = new HibernatingSockets({
      context,
      resume: server.live.resume,
      onSave: ({ principal, checkedAt = 0 }) => {
        const now = Date.now();
        const dueAt = Math.min(checkedAt + permitMs, principal.expiresAt ?? Infinity, now + SILENCE_CHECK_MS);
        // If `permit` keeps failing, its check is overdue at each save.
        void this.#alarm.wakeBy(Math.max(dueAt, now + ALARM_MS_MIN));
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

  receive(socket: HibernatingSocket, message: string | ArrayBuffer): void {
    if (typeof message !== "string") this.#sockets.close(socket, CLOSE_UNSUPPORTED, "text only");
    else if (message.length > CLIENT_FRAME_BYTES_MAX) this.#sockets.close(socket, CLOSE_TOO_LONG, "too long");
    else {
      this.#sockets.connectionOf(socket)?.receive(message);
      this.#checkSockets();
    }
  }

  closed(socket: HibernatingSocket): void {
    this.#sockets.closed(socket);
  }

  ring(): Promise<void> {
    return this.#alarm.ring();
  }

  drop(log: string): Promise<RpcResult<null>> {
    return this.#operate(log, async (server) => {
      await server.drop(log);
      return null;
    });
  }

  importLog(log: string, archive: LogArchive): Promise<RpcResult<ImportedLog>> {
    return this.#operate(log, (server) => server.importLog(log, archiveLines(archive)));
  }

  async #answer(request: Request): Promise<Response> {
    const { server, prefix, report } = this.#options;
    const target = syncTarget(request.method, new URL(request.url).pathname, prefix);
    if (target === null || !("log" in target)) return errorResponse(new HttpRefusal("not-found"));
    if (!this.#isOwn(target.log)) {
      report(this.#wrongLog(target.log));
      return errorResponse(new HttpRefusal("not-found"));
    }
    this.#checkSockets();
    if (target.kind !== "live") return server.request(request);
    const opening = await server.live.open(request, target.log);
    if (opening.kind === "refused") return opening.response;
    const { client, ours } = socketPair();
    this.#sockets.accept(ours, opening.join);
    return upgraded(client);
  }

  /** Checks rights and silence while the object is awake anyway, because the alarm for silence is rare. */
  #checkSockets(): void {
    const now = Date.now();
    if (now - this.#checkedAt < RIGHTS_MS) return;
    this.#checkedAt = now;
    const { server, permitMs, report } = this.#options;
    server.live.watch(permitMs).catch(report);
  }

  async #operate<Value>(log: string, action: (server: ObjectServer) => Promise<Value>): Promise<RpcResult<Value>> {
    try {
      if (!this.#isOwn(log)) throw this.#wrongLog(log);
      return { ok: true, value: await action(this.#options.server) };
    } catch (error) {
      return { ok: false, error: toPlainError(error) };
    }
  }

  #isOwn(log: string): boolean {
    return this.#options.context.id.name === log;
  }

  #wrongLog(log: string): DefinitionError {
    const { name = "without a name" } = this.#options.context.id;
    return new DefinitionError({
      message: `A request for the log ${log} reached the object ${name}`,
      fix: "Send every request through the `worker` of cloudflare(), which finds the object of each log.",
      details: { log, object: name },
    });
  }
}
