import { DacapoError, RejectedError } from "dacapo";

/** What a person is told where something could not be done; without a full stop. The domain's own words name no command and no id. */
export function sayProblem(error: unknown): string {
  if (error instanceof RejectedError && typeof error.details["reason"] === "string") return error.details["reason"];
  return error instanceof DacapoError ? `${error.message}. ${error.fix}`.replace(/\.$/, "") : String(error);
}
