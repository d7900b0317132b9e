/** The reason of an error and of its causes, because `fetch` of Node says only in `cause` why it failed. */
import { reasonOf } from "../../core/values/reason.ts";

/** Errors of one reason. An error may be its own cause. */
const ERRORS_MAX = 4;

/** The text of a thrown value and of its causes, for an operator. It never throws. */
export function reasonWithCauses(thrown: unknown): string {
  // The value itself may be undefined.
  const reasons: string[] = [reasonOf(thrown)];
  for (let error = errorBelow(thrown); error !== undefined && reasons.length < ERRORS_MAX; error = errorBelow(error))
    reasons.push(reasonOf(error));
  return [...new Set(reasons)].join(", because of ");
}

/** The cause of an error. An error of several errors without a message is replaced by the first of them. */
function errorBelow(error: unknown): unknown {
  try {
    const cause = error instanceof Error ? error.cause : undefined;
    return cause instanceof AggregateError && cause.message === "" ? cause.errors[0] : cause;
  } catch {
    return undefined;
  }
}
