/** The error of a call on a log that was deleted. */
import { DacapoError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";

export function gone(log: LogName): DacapoError {
  const message = `The log ${log} was deleted`;
  return new DacapoError("gone", "never", { message, fix: "Use another log.", details: { log } });
}
