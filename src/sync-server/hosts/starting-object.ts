/**
 * The object of a log, which opens at its first event.
 *
 * Guarantees (cloudflare.guard.test.ts):
 * - An object that cannot open reports the reason, such as a missing secret, and answers 503. Otherwise its constructor
 *   would throw, and the Worker would take that for a restart, which nobody hears of.
 * - The next event tries to open it again. An alarm is not lost meanwhile.
 */
import { toPlainError } from "../../core/values/plain-error.ts";
import { errorResponse, HttpRefusal } from "../base/http-refusal.ts";
import type { HibernatingSocket, LogObjectContext, RpcResult } from "./cloudflare-runtime.ts";
import type { LogObject } from "./log-object.ts";

export type StartingObjectOptions = {
  readonly storage: Pick<LogObjectContext["storage"], "setAlarm">;
  readonly create: () => LogObject;
  readonly report: (error: unknown) => void;
};

/** WebSocket close code "internal error". */
const CLOSE_FAILED = 1011;
/** Milliseconds until an alarm tries again. The runtime itself drops an alarm after six tries. */
const RING_AGAIN_MS = 600_000;

export class StartingObject {
  readonly #options: StartingObjectOptions;
  #opened: LogObject | null = null;

  constructor(options: StartingObjectOptions) {
    this.#options = options;
  }

  async fetch(request: Request): Promise<Response> {
    const opened = this.#open();
    if (opened.ok) return opened.log.fetch(request);
    await request.body?.cancel();
    return errorResponse(new HttpRefusal("unavailable"));
  }

  async receive(socket: HibernatingSocket, message: string | ArrayBuffer): Promise<void> {
    const opened = this.#open();
    if (opened.ok) return opened.log.receive(socket, message);
    socket.close(CLOSE_FAILED, "unavailable");
  }

  closed(socket: HibernatingSocket): void {
    const opened = this.#open();
    if (opened.ok) opened.log.closed(socket);
  }

  async ring(isRetry?: boolean): Promise<void> {
    const opened = this.#open();
    if (opened.ok) return opened.log.ring(isRetry);
    await this.#options.storage.setAlarm(Date.now() + RING_AGAIN_MS);
  }

  async call<Value>(work: (log: LogObject) => Promise<RpcResult<Value>>): Promise<RpcResult<Value>> {
    const opened = this.#open();
    return opened.ok ? work(opened.log) : { ok: false, error: toPlainError(opened.error) };
  }

  #open(): { readonly ok: true; readonly log: LogObject } | { readonly ok: false; readonly error: unknown } {
    try {
      this.#opened ??= this.#options.create();
      return { ok: true, log: this.#opened };
    } catch (error) {
      this.#options.report(error);
      return { ok: false, error };
    }
  }
}
