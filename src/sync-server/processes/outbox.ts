/**
 * The commands of one process that are not executed yet: those to send now, and those of its timers. Pure.
 *
 *     run ───> send  ─┐
 *                     ├─ by due time ── pick ──> executed, one at a time
 *     later ─> timer ─┘
 *
 * Guarantees (outbox.test.ts, processes.model.test.ts):
 * - A send never overtakes an earlier send, also while the earlier one fails.
 * - A timer is never picked before its due time, and not before the events that came in time are folded.
 * - `readyAt` is the least time at which `pick` can return a command. So a runner that wakes then loses none.
 */
import type { CommandRequest } from "../../core/domain/definition.ts";
import type { DomainEvent } from "../../core/domain/event.ts";

/** A command, or several in one commit, that a process will execute. */
export type OutboxItem = {
  /** The id of the event, or of the rejected commit, whose handler added it. */
  readonly source: string;
  /** The event that caused it. */
  readonly causedBy: Pick<DomainEvent, "id" | "correlation">;
  /** The number of the call in this handler: 1, 2, 3 … */
  readonly n: number;
  /** The name of the timer. Null: a command to send now. */
  readonly timer: string | null;
  /** Milliseconds since the epoch. A timer is not executed before it, and the outbox has this order. */
  readonly due: number;
  readonly commands: readonly CommandRequest[];
  /** Attempts that failed because the log could not record. */
  readonly failures: number;
  /** No attempt follows before this time, in milliseconds since the epoch. */
  readonly notBefore: number;
  /** The reason of the last failure. */
  readonly error: string | null;
  /** True: no attempt follows until an operator requests one. */
  readonly isParked: boolean;
};

/** The items of a process, in the order of their due times. */
export type Outbox = readonly OutboxItem[];

/** An outbox as it was read, and as it becomes. */
export type OutboxChange = { readonly before: Outbox; readonly after: Outbox };

/** The outboxes that a write changes, by the key of their process. */
export type OutboxChanges = ReadonlyMap<string, OutboxChange>;

/** The time up to which all events are folded. Infinity: all events of the log. */
export type FoldedUpTo = number;

const TIME_DIGITS = 16;

/** A new item, which no attempt has tried. */
export function newItem(
  item: Pick<OutboxItem, "source" | "causedBy" | "n" | "timer" | "due" | "commands">,
): OutboxItem {
  return { ...item, failures: 0, notBefore: 0, error: null, isParked: false };
}

/** Adds an item. A timer replaces the timer of its name, and an item of the same call replaces the former one. */
export function withItem(outbox: Outbox, added: OutboxItem): Outbox {
  const others = outbox.filter(
    (item) => !isSameCall(item, added) && (added.timer === null || item.timer !== added.timer),
  );
  const sends = others.filter(({ timer }) => timer === null);
  // Clocks of two nodes may differ. A later send is not due before an earlier one.
  const due = added.timer === null ? Math.max(added.due, ...sends.map((send) => send.due)) : added.due;
  const behind = others.findIndex((item) => item.due > due);
  const at = behind < 0 ? others.length : behind;
  return [...others.slice(0, at), { ...added, due }, ...others.slice(at)];
}

export function withoutTimer(outbox: Outbox, timer: string): Outbox {
  return only(outbox, (item) => item.timer !== timer);
}

export function withoutTimers(outbox: Outbox): Outbox {
  return only(outbox, ({ timer }) => timer === null);
}

export function withoutItem(outbox: Outbox, removed: OutboxItem): Outbox {
  return outbox.filter((item) => !isSameCall(item, removed));
}

export function withChange(outbox: Outbox, changed: OutboxItem): Outbox {
  return outbox.map((item) => (isSameCall(item, changed) ? changed : item));
}

/** The item to execute now. Null: there is none. While an item waits for its next attempt, all others wait. */
export function pick(outbox: Outbox, now: number, foldedUpTo: FoldedUpTo): OutboxItem | null {
  const tried = outbox.find(isTried);
  if (tried) return !tried.isParked && tried.notBefore <= now ? tried : null;
  // An event that came before the due time may drop the timer. It is folded first.
  return outbox.find(({ timer, due }) => timer === null || (due <= now && due < foldedUpTo)) ?? null;
}

/** The least time at which `pick` can return an item. Infinity: there is none. */
export function readyAt(outbox: Outbox): number {
  const tried = outbox.find(isTried);
  if (tried) return tried.isParked ? Infinity : tried.notBefore;
  return Math.min(Infinity, ...outbox.map(({ timer, due }) => (timer === null ? 0 : due)));
}

/** The key of a process in the index of due times. Keys have the order of time. Null: nothing is due at any time. */
export function dueKey(outbox: Outbox, process: string): string | null {
  const at = readyAt(outbox);
  return at === Infinity ? null : `${timeKey(at)} ${process}`;
}

/** The first part of the keys of a time. */
export function timeKey(at: number): string {
  return String(Math.max(Math.ceil(at), 0)).padStart(TIME_DIGITS, "0");
}

/** The time and the process of a key in the index of due times. */
export function readDueKey(key: string): { readonly at: number; readonly process: string } {
  return { at: Number(key.slice(0, TIME_DIGITS)), process: key.slice(TIME_DIGITS + 1) };
}

/** The JSON text of an outbox. An item keeps its text, because a long outbox is written again for each change. */
export function outboxText(outbox: Outbox): string {
  return `[${outbox.map(textOf).join(",")}]`;
}

const texts = new WeakMap<OutboxItem, string>();

function textOf(item: OutboxItem): string {
  const text = texts.get(item) ?? JSON.stringify(item);
  texts.set(item, text);
  return text;
}

/** The same outbox if each item stays, so that a caller sees that nothing changed. */
function only(outbox: Outbox, stays: (item: OutboxItem) => boolean): Outbox {
  return outbox.every(stays) ? outbox : outbox.filter(stays);
}

function isTried({ failures, isParked }: OutboxItem): boolean {
  return failures > 0 || isParked;
}

function isSameCall(one: OutboxItem, other: OutboxItem): boolean {
  return one.source === other.source && one.n === other.n;
}
