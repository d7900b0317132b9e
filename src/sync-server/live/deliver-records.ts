/**
 * The delivery of records to each socket of a room, as frames, as a page after the socket's own cursor, or as a hint.
 *
 * Guarantees:
 * - A socket gets records in order, and each frame follows the one before (P14).
 * - A socket over its budget gets one hint, and its client pulls the records (P18).
 * - The server terminates a socket that is far over its budget (P18).
 * - A socket whose cursor the log does not have gets `bye: diverged` and no record of the other history (P17).
 */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { Observer } from "../base/observer.ts";
import type { EventStore, ReadLimit, ReadResult } from "../stores/event-store.ts";
import type { Appended } from "../writer/admit-push.ts";
import type { DeliverySignal, DeliveryStep } from "./delivery-state.ts";
import { headFrame, type RecordsFrame, recordsFrame, recordsFrames } from "./frame-text.ts";
import type { Member } from "./member.ts";
import type { LogName } from "../../core/values/ids.ts";

/** The server terminates a socket if more than this many budgets wait in its buffer. */
const BUDGETS_MAX = 4;

export type RecordDeliveryOptions = {
  readonly log: LogName;
  readonly store: EventStore;
  readonly limits: ServerLimits;
  readonly report: (error: unknown) => void;
  readonly isMember: (member: Member) => boolean;
  readonly observer: Observer;
  /** Called for each page with the head of its snapshot. */
  readonly onHead: (head: Cursor | null) => void;
};

type AppendedSignal = Extract<DeliverySignal, { readonly kind: "appended" }>;
type Page = Extract<ReadResult, { readonly kind: "page" }>;

export class RecordDelivery {
  readonly #options: RecordDeliveryOptions;
  readonly #pageLimit: ReadLimit;

  constructor(options: RecordDeliveryOptions) {
    const { pageEventsMax, frameBytesMax } = options.limits;
    this.#options = options;
    this.#pageLimit = { events: pageEventsMax, bytes: frameBytesMax };
  }

  /** Sends an append to every socket. The text of its frames is made once for all of them. */
  deliver(members: ReadonlySet<Member>, appended: Appended): void {
    const frames = recordsFrames(appended, this.#options.limits);
    const signal: AppendedSignal = { kind: "appended", after: appended.after };
    for (const member of members) this.#deliverTo(member, signal, frames, appended.head);
  }

  /** Starts a read for a socket by its own cursor, if the signal makes one due. */
  catchUp(member: Member, signal: DeliverySignal): void {
    const step = member.advance(signal);
    if (step.kind === "read") this.#startReading(member, step);
  }

  /** Sends the last hint to a socket that is within its budget again. */
  drain(member: Member, head: Cursor | null): void {
    this.#step(member, { kind: "drained", head: positionOf(head) });
  }

  #deliverTo(member: Member, signal: AppendedSignal, frames: readonly RecordsFrame[], head: Cursor | null): void {
    const step = member.advance(signal);
    if (step.kind === "read") return this.#startReading(member, step);
    if (member.delivery.kind === "catching-up") return;
    if (step.kind === "offer-frames") {
      for (const { text, cursor, receivedAt } of frames) {
        const sent = this.#step(member, { kind: "frame", cursor, head, isSlow: this.#isSlow(member) }, text);
        if (sent === "send" && receivedAt !== null) this.#options.observer.recordLag(receivedAt);
      }
    }
    if (member.isSlow(this.#options.limits.socketBufferBytesMax * BUDGETS_MAX)) member.socket.terminate();
    else member.save();
  }

  #startReading(member: Member, step: DeliveryStep): void {
    const { log, observer, report } = this.#options;
    observer
      .run("catch_up", [], { log }, () => this.#read(member, step))
      .catch((error: unknown) => {
        member.advance({ kind: "read-failed" });
        report(error);
      });
  }

  /** Reads page after page, each in one snapshot, until no record came meanwhile. */
  async #read(member: Member, first: DeliveryStep): Promise<void> {
    const { log, store, isMember } = this.#options;
    for (let step = first; step.kind === "read"; step = member.advance({ kind: "read-done" })) {
      const read = await store.read(log, step.after, this.#pageLimit);
      if (!isMember(member) || member.delivery.kind === "closed") return;
      if (read.kind === "gone" || read.kind === "diverged") member.close(read.kind);
      else if (read.kind === "page") this.#sendPage(member, step.after, read);
    }
  }

  #sendPage(member: Member, after: Cursor | null, { records, head }: Page): void {
    this.#options.onHead(head);
    const last = records.at(-1);
    if (last) {
      const step = member.advance({ kind: "page", cursor: last.cursor, isSlow: this.#isSlow(member) });
      if (step.kind === "send") member.send(recordsFrame(after, records, positionOf(head)));
    }
    this.#step(member, { kind: "page-sent", head, isSlow: this.#isSlow(member) });
    member.save();
  }

  /** Takes the step of a signal: sends `frame`, or a hint. */
  #step(member: Member, signal: DeliverySignal, frame = ""): DeliveryStep["kind"] {
    const step = member.advance(signal);
    if (step.kind === "send") member.send(frame);
    else if (step.kind === "hint") member.send(headFrame(step.head));
    return step.kind;
  }

  #isSlow(member: Member): boolean {
    return member.isSlow(this.#options.limits.socketBufferBytesMax);
  }
}
