/** The report of a follower whose place is not in its log: of a subscriber or a process manager. */
import { DacapoError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";

export type DivergedFollower = {
  readonly noun: "subscriber" | "process manager";
  readonly name: string;
  /** The name in the details of the error. */
  readonly details: Readonly<Record<string, string>>;
};

/** Returns a function that reports each log once, because the follower finds the same at each of its steps. */
export function divergedReport(follower: DivergedFollower, report: (error: unknown) => void): (log: LogName) => void {
  const reported = new Set<LogName>();
  return (log) => {
    if (reported.has(log)) return;
    reported.add(log);
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
