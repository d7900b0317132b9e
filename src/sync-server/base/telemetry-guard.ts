/**
 * The guard of the calls of a telemetry. A tracer or a meter that throws fails no commit, no request and no follower.
 *
 * Guarantees (telemetry.failures.test.ts): the first failure is reported.
 */
import { DefinitionError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";

/** Calls a function of the telemetry. Undefined: it failed, or it returned nothing. */
export type TelemetryGuard = <Result>(call: () => Result) => Result | undefined;

export function telemetryGuard(report: (error: unknown) => void): TelemetryGuard {
  let isReported = false;
  const failed = (cause: unknown): undefined => {
    if (isReported) return;
    isReported = true;
    const message = `The option \`telemetry\` failed: ${reasonOf(cause)}`;
    report(new DefinitionError({ message, fix: "Correct its tracer or meter.", cause }));
  };
  return (call) => {
    try {
      const result = call();
      // A function without a result may be async.
      if (result instanceof Promise) result.catch(failed);
      return result;
    } catch (error) {
      return failed(error);
    }
  };
}
