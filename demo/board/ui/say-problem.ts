import { DacapoError, RejectedError } from "dacapo";

/** An error in words for a person, without a full stop. A domain's own reason comes first. */
export function sayProblem(error: unknown): string {
  if (error instanceof RejectedError && typeof error.details["reason"] === "string") return error.details["reason"];
  if (!(error instanceof DacapoError)) return String(error);
  return [error.message, error.fix].map((text) => text.replace(/\.$/, "")).join(". ");
}
