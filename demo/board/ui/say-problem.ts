import { DacapoError, RejectedError } from "dacapo";

/** The words for a failed action, without a full stop. The domain's own words name no command and no id. */
export function sayProblem(error: unknown): string {
  if (error instanceof RejectedError && typeof error.details["reason"] === "string") return error.details["reason"];
  return error instanceof DacapoError ? `${error.message}. ${error.fix}`.replace(/\.$/, "") : String(error);
}
