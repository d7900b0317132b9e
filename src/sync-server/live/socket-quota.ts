/**
 * The count of open sockets: in all, by log and by actor.
 *
 * Guarantees:
 * - A socket over one of the three limits is refused. The actor's limit is checked first.
 * - A log or actor without sockets takes no memory.
 */
import type { ErrorCode } from "../base/http-refusal.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { Actor, LogName } from "../../core/values/ids.ts";

export class SocketQuota {
  readonly #limits: ServerLimits;
  readonly #byLog = new Map<string, number>();
  readonly #byActor = new Map<string, number>();
  #all = 0;

  constructor(limits: ServerLimits) {
    this.#limits = limits;
  }

  /** The reason to refuse one more socket, or null. */
  refusal(log: LogName, actor: Actor): ErrorCode | null {
    const { socketsMax, socketsPerLogMax, socketsPerActorMax } = this.#limits;
    if ((this.#byActor.get(actor) ?? 0) >= socketsPerActorMax) return "rate-limited";
    const isFull = this.#all >= socketsMax || (this.#byLog.get(log) ?? 0) >= socketsPerLogMax;
    return isFull ? "overloaded" : null;
  }

  add(log: LogName, actor: Actor): void {
    this.#change(log, actor, 1);
  }

  remove(log: LogName, actor: Actor): void {
    this.#change(log, actor, -1);
  }

  #change(log: LogName, actor: Actor, change: 1 | -1): void {
    this.#all += change;
    changeCount(this.#byLog, log, change);
    changeCount(this.#byActor, actor, change);
  }
}

function changeCount(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const next = (counts.get(key) ?? 0) + change;
  if (next > 0) counts.set(key, next);
  else counts.delete(key);
}
