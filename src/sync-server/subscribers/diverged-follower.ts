/** The report of a follower whose place is not in its log: of a subscriber or a process manager. */
import { type Cursor, encodeCursor } from "../../core/history/record.ts";
import { DacapoError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";

export type DivergedFollower = {
  readonly noun: "subscriber" | "process manager";
  readonly name: string;
  /** The name in the details of the error. */
  readonly details: Readonly<Record<string, string>>;
};

/** Called if a log does not contain the place of a follower. */
export type OnDiverged = (log: LogName, at: Cursor | null) => void;

/**
 * Returns a function that reports each place of a log once, because the follower finds the same at each of its steps.
 * After a reset it has another place, so that a second restore of the log is reported too.
 */
export function divergedReport(follower: DivergedFollower, report: (error: unknown) => void): OnDiverged {
  const reported = new Map<LogName, string | null>();
  return (log, at) => {
    const place = at && encodeCursor(at);
    if (reported.get(log) === place) return;
    reported.set(log, place);
    report(divergedError(follower, log));
  };
}

/** The error of a follower whose place is not in its log. */
export function divergedError({ noun, name, details }: DivergedFollower, log: LogName): DacapoError {
  return new DacapoError("diverged", "after-fix", {
    message: `The log ${log} does not contain the place of the ${noun} ${name}`,
    fix: `The log was replaced or restored. Reset the ${noun} to a place in this log.`,
    details: { log, ...details },
  });
}
