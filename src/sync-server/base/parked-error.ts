/** The report of what a follower parked: a read model, a subscriber or a process manager. */
import { DacapoError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";

/** The reason of an event whose stored record cannot be read. */
export const DAMAGED_RECORD = "its stored record is damaged";

export type ParkedBy = {
  readonly kind: "model" | "subscriber" | "process";
  readonly name: string;
  readonly log: LogName;
};

export type ParkedPlace = {
  /** The id of the event. */
  readonly event: string;
  readonly stream: string;
  readonly position: number;
  readonly reason: string;
};

const KINDS = {
  model: { noun: "read model", calls: "models", other: "rebuild" },
  subscriber: { noun: "subscriber", calls: "subscribers", other: "skip" },
  process: { noun: "process manager", calls: "processes", other: "skip" },
} as const;

/** One report for all events of a page, because a flood of events must not be a flood of reports. */
export function parkedEvents(by: ParkedBy, parked: readonly ParkedPlace[], cause?: unknown): readonly DacapoError[] {
  const [first] = parked;
  if (!first) return [];
  const { event, stream, position, reason } = first;
  const what = parked.length === 1 ? "the event" : `${parked.length} events, the first is`;
  const place = `${event} of ${stream} at position ${position}`;
  const details = { count: parked.length, event, stream, position, reason };
  const isVeto = by.kind === "model" && reason.startsWith("RejectedError: ");
  const fix = isVeto ? lateVeto(by) : correction(by, reason === DAMAGED_RECORD);
  return [parkedError(by, `${what} ${place}: ${reason}`, details, cause, fix)];
}

/** The report of a command that a process manager parked. `process`: the key of its process. */
export function parkedCommand(by: ParkedBy, process: string, event: string, cause: unknown): DacapoError {
  return parkedError(
    by,
    `a command of the process ${process}, which the event ${event} caused`,
    { event },
    cause,
    correction(by),
  );
}

/** The number of events or commands of a report, and the follower that parked them. Null: it is another error. */
export function parkedOf({ code, details }: DacapoError): { readonly count: number; readonly follower: string } | null {
  if (code !== "parked") return null;
  const { count = 1, model, subscriber, process } = details;
  const named = { model, subscriber, process };
  const [kind = "", name = ""] = Object.entries(named).find(([, one]) => typeof one === "string") ?? [];
  return typeof count === "number" && typeof name === "string" ? { count, follower: `${kind} ${name}` } : null;
}

/** A handler called `veto` for a recorded commit: the model is not strong, or it is still being built. */
function lateVeto({ name }: ParkedBy): string {
  return `The log has the commit already, so correct it by a command. Only \`strong(${name})\` refuses commits.`;
}

function correction({ kind, log }: ParkedBy, isDamaged = false): string {
  const { calls, other } = KINDS[kind];
  const first = isDamaged ? "Restore a backup of the database." : "Correct and deploy its code.";
  return `${first} Then call \`retry\` or \`${other}\` of \`server.log("${log}").${calls}\`.`;
}

function parkedError(
  { kind, name, log }: ParkedBy,
  what: string,
  details: Readonly<Record<string, string | number>>,
  cause: unknown,
  fix: string,
): DacapoError {
  return new DacapoError("parked", "after-fix", {
    message: `The ${KINDS[kind].noun} ${name} of the log ${log} parked ${what}`,
    fix,
    details: { log, [kind]: name, ...details },
    cause,
  });
}
