/**
 * The order in which the first events of the streams start: the earliest event of the log whose time has come. Pure.
 *
 *     set ──> later, by time ── its time comes ──> due, by position ── next
 *
 * Guarantees (start-order.test.ts): `next` returns the event that a walk over all streams would find, also after the
 * clock was set back.
 */
import { SortedList } from "./sorted-list.ts";

/** An event with its place in the log, and the least time of its next attempt. */
type Head = { readonly position: number; readonly notBefore: number };

export class StartOrder<Event extends Head> {
  /** The event of each stream that may start. */
  readonly #heads = new Map<string, Event>();
  /** Heads whose time had come at a call of `next`. */
  readonly #due = new SortedList<Event>((left, right) => left.position - right.position);
  readonly #later = new SortedList<Event>(
    (left, right) => left.notBefore - right.notBefore || left.position - right.position,
  );

  /** Sets the event of a stream that may start. Undefined: there is none. */
  set(stream: string, head: Event | undefined): void {
    const before = this.#heads.get(stream);
    if (before === head) return;
    if (before && !this.#due.remove(before)) this.#later.remove(before);
    if (!head) this.#heads.delete(stream);
    else {
      this.#heads.set(stream, head);
      this.#later.add(head);
    }
  }

  /** The earliest event of the log whose time has come. Null: there is none. */
  next(now: number): Event | null {
    for (let { first } = this.#later; first && first.notBefore <= now; { first } = this.#later) {
      this.#later.remove(first);
      this.#due.add(first);
    }
    // The clock may have been set back.
    for (let { first } = this.#due; first; { first } = this.#due) {
      if (first.notBefore <= now) return first;
      this.#due.remove(first);
      this.#later.add(first);
    }
    return null;
  }

  /** The time at which an event can start. A time in the past means now. Infinity: there is none. */
  nextAt(): number {
    return Math.min(this.#due.first?.notBefore ?? Infinity, this.#later.first?.notBefore ?? Infinity);
  }
}
