/** The lines of a log, and how they change. It knows no domain: any event of any log is a line. */
import type { CommandRequest, DomainEvent } from "dacapo";

export type LogEntry = {
  /** The event's id. A refused command has the id of its commit and its number. */
  readonly id: string;
  /**
   * `pending`: on a device only. `arriving`: the server has it, and a device does not. `arrived`: from another device.
   * `confirmed`: in the log. `refused`: not in the log.
   */
  readonly state: "pending" | "arriving" | "arrived" | "confirmed" | "refused";
  /** Null before the server has ordered it. */
  readonly position: number | null;
  /** The place among the lines: its position, or the one that it came after. Pending lines come last. */
  readonly place: number;
  readonly actor: string;
  readonly type: string;
  readonly stream: string;
  /** The place in its stream. Null: the command was refused, so it has none. */
  readonly version: number | null;
  /** The id of the event that caused it. Null: a person made it. */
  readonly cause: string | null;
  /** The id of the first commit of its chain of causes. */
  readonly correlation: string;
  /** Shown in short. */
  readonly data: unknown;
  /** The whole event, shown on demand. */
  readonly whole: unknown;
};

/** The lines with one value in common. */
export type LogFilter = { readonly by: "stream" | "correlation"; readonly value: string };

export type Lines = ReadonlyMap<string, LogEntry>;

/** Lines that are kept. */
const LINES_MAX = 200;

export function lineOf(event: DomainEvent, state: LogEntry["state"]): LogEntry {
  const { id, position, actor, type, stream, version, causedBy: cause = null, correlation, data } = event;
  const place = position ?? Infinity;
  return { id, state, position, place, actor, type, stream, version, cause, correlation, data, whole: event };
}

/** The name of a stream in short. Long ids differ at their end, because they begin with the time. */
export function shortStream(stream: string): string {
  const at = stream.indexOf("/") + 1;
  return stream.length - at > 20 ? `${stream.slice(0, at)}…${stream.slice(-8)}` : stream;
}

/**
 * The lines after the history of a stream was read: its pending events, and those that are new.
 *
 * @param client the device that shows the lines
 * @param from the position after which an event is new
 */
export function withHistory(
  lines: Lines,
  stream: string,
  events: readonly (DomainEvent & { readonly pending: boolean })[],
  { client, from }: { readonly client: string; readonly from: number },
): Lines {
  const next = new Map(lines);
  // An event that is no longer pending is in the history, or it was refused.
  for (const line of lines.values()) if (line.stream === stream && line.state === "pending") next.delete(line.id);
  for (const { pending, ...event } of events) {
    const isNew = event.position !== null && event.position > from;
    if (pending) next.set(event.id, lineOf(event, "pending"));
    else if (isNew || lines.has(event.id))
      next.set(event.id, lineOf(event, event.client === client ? "confirmed" : "arrived"));
  }
  return next;
}

type Refusal = {
  readonly commit: string;
  readonly commands: readonly CommandRequest[];
  readonly code: string;
  readonly message: string;
  readonly command: number;
};

/**
 * The lines with those of refused commits. A line stays after its refusal was settled.
 *
 * @param reason the words for why
 * @param after the position of the log at this time
 */
export function withRefusals(
  lines: Lines,
  refusals: readonly Refusal[],
  {
    actor,
    after,
    reason,
  }: { readonly actor: string; readonly after: number; readonly reason: (of: Refusal) => string },
): Lines {
  const next = new Map(lines);
  for (const refusal of refusals) {
    const { commit, code, message, command: at } = refusal;
    for (const [n, command] of refusal.commands.entries()) {
      const id = `${commit} refused ${n}`;
      if (next.has(id)) continue;
      next.set(id, {
        id,
        state: "refused",
        position: null,
        place: after + 0.5,
        actor,
        type: command.name,
        stream: command.stream,
        version: null,
        cause: null,
        correlation: commit,
        data: n === at ? reason(refusal) : (command.input ?? null),
        whole: { state: "refused", commit, ...command, reason: { code, message } },
      });
    }
  }
  return next;
}

/** The newest first, without the oldest of very many. */
export function inOrder(lines: Iterable<LogEntry>): readonly LogEntry[] {
  // The ids of commits grow with time.
  return [...lines]
    .sort((left, right) => right.place - left.place || (left.id < right.id ? 1 : -1))
    .slice(0, LINES_MAX);
}
