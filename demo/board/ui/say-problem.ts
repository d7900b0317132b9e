import { DacapoError, RejectedError } from "dacapo";
import { words } from "../words/language.ts";

/** An error in words for a person, without a full stop. A domain's own reason comes first. */
export function sayProblem(error: unknown): string {
  if (error instanceof RejectedError && typeof error.details["reason"] === "string") {
    const { code, reason } = error.details;
    return words.reason(typeof code === "string" ? code : "", reason);
  }
  if (!(error instanceof DacapoError)) return String(error);
  if (error.code === "storage-full") return words.notices.full;
  return [error.message, error.fix].map((text) => text.replace(/\.$/, "")).join(". ");
}
