/**
 * The right of a socket's holder to read, as the server last knew it.
 *
 * Guarantees (hub.watch.test.ts, access.rights-that-end.test.ts):
 * - A request without an answer is repeated after a few seconds, also after a loss of memory.
 * - A time in the future counts as due. Otherwise a clock that was set back would delay the check.
 */
import type { LiveAttachment } from "./server-socket.ts";

/** If a request gets no answer, the server requests the right again after this time. */
const RETRY_MS = 5_000;

export class ReadRight {
  #requestedAt: number;
  /** While the last request has no answer: the time of the next one. */
  #retryAt: number | null;

  constructor({ checkedAt, retryAt }: Pick<LiveAttachment, "checkedAt" | "retryAt">) {
    this.#requestedAt = checkedAt ?? 0;
    this.#retryAt = retryAt ?? null;
  }

  /** Notes a request of the right. Returns true if the one before got no answer. */
  noteRequest(now: number): boolean {
    const isSecondTry = this.#retryAt !== null;
    this.#requestedAt = now;
    this.#retryAt = now + RETRY_MS;
    return isSecondTry;
  }

  /** Notes that the holder may read. */
  confirm(): void {
    this.#retryAt = null;
  }

  /** When the right is due, if it is requested every `rightsMs`. Milliseconds since the epoch, or Infinity. */
  dueAt(rightsMs: number): number {
    return this.#retryAt ?? this.#requestedAt + rightsMs;
  }

  correctTimes(now: number): void {
    if (this.#requestedAt > now) this.#requestedAt = 0;
    if (this.#retryAt !== null) this.#retryAt = Math.min(this.#retryAt, now + RETRY_MS);
  }

  /** The times that outlive the hub's memory. */
  toJson(): Pick<LiveAttachment, "checkedAt" | "retryAt"> {
    return { checkedAt: this.#requestedAt, ...(this.#retryAt !== null && { retryAt: this.#retryAt }) };
  }
}
