/**
 * The call of an app's `decide` or `onConflict`: the tools that the function gets, and the check of its result.
 *
 * Guarantees (tests: `aggregate.test.ts`, `decide-command.test.ts`):
 * - The result has a known form. Otherwise an error names the function.
 * - If the function makes a rejection, its result is a rejection. Otherwise an error names the function.
 */
import { dropPromise } from "../values/promise.ts";
import { refuseDefinition } from "../values/refuse.ts";
import type { DecideContext, Decision, Rebase, Rejection } from "./definition.ts";
import type { Draft } from "./event.ts";
import type { Json } from "../values/json.ts";

type Reject = (code: string, message?: string) => Rejection;

/** Returns the context as the app's function gets it: the states that it reads are fields of the context. */
function appContext({ reads, stream, actor, time, id }: DecideContext, reject: Reject): object {
  // Each command passes here, so the fields are named. A rest of them would cost more than most decisions.
  return Object.assign({ stream, actor, time, id, emit, reject }, reads);
}

/**
 * Calls an app's function and returns its result. It refuses a rejection that the function made and did not return,
 * because a forgotten `return` would record events against a rule of the app.
 */
export function callApp(label: string, context: DecideContext, call: (tools: object) => unknown): unknown {
  const made: { rejection?: Rejection } = {};
  const reject: Reject = (code, message = code) => (made.rejection = { rejected: true, code, message });
  let result: unknown;
  try {
    result = call(appContext(context, reject));
  } catch (error) {
    if (error !== made.rejection) throw error;
  }
  if (made.rejection && !isRejected(result)) {
    dropPromise(result);
    refuseDefinition(
      `The ${label} made reject(${JSON.stringify(made.rejection.code)}) and did not return it`,
      "Write `return reject(…)`.",
    );
  }
  return result;
}

/** Returns a draft of an event. */
export function emit(type: string, data: Json = {}): Draft {
  return { type, data };
}

/** Returns the answer of an `onConflict` that runs `decide` again. */
export function rebase(): Rebase {
  return { rebase: true };
}

/** True for the answer of an `onConflict` that runs `decide` again. */
export function isRebase(result: unknown): result is Rebase {
  return typeof result === "object" && result !== null && "rebase" in result && result.rebase === true;
}

function isRejected(result: unknown): result is Rejection {
  return (
    typeof result === "object" &&
    result !== null &&
    "rejected" in result &&
    result.rejected === true &&
    "code" in result &&
    typeof result.code === "string"
  );
}

/** True for a value with the fields of a draft. */
export function isDraft(value: unknown): value is Draft {
  return (
    typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "data" in value
  );
}

/** Checks the result of an app's function, and returns it as a decision. */
export function requireDecision(label: string, result: unknown): Decision {
  if (isRejected(result)) return result;
  const drafts: readonly unknown[] = Array.isArray(result) ? result : [result];
  if (drafts.every(isDraft)) return drafts;
  const wrong = drafts.find((one) => !isDraft(one));
  refuseDefinition(
    `The ${label} returned ${describeResult(wrong)}`,
    "Return emit(type, data), an array of them, [] for no event, or reject(code). The function cannot be async.",
  );
}

function describeResult(value: unknown): string {
  if (dropPromise(value)) return "a promise";
  return typeof value === "object" && value !== null ? "an object that is not an event" : String(value);
}
