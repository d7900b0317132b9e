/**
 * A telemetry whose failures reach nothing else of the server.
 *
 * Guarantees (telemetry.failures.test.ts):
 * - A tracer or a meter that throws fails no commit, no request and no follower.
 * - The work of a step runs once, also if its span fails.
 * - The first failure is reported.
 */
import { DefinitionError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";
import type { Telemetry, TelemetrySpan } from "./telemetry.ts";

export function guardedTelemetry(given: Telemetry, report: (error: unknown) => void): Telemetry {
  let isReported = false;
  const failed = (cause: unknown): undefined => {
    if (isReported) return;
    isReported = true;
    report(
      new DefinitionError({
        message: `The option \`telemetry\` failed: ${reasonOf(cause)}`,
        fix: "Correct its tracer or meter. Until then spans and metrics are missing.",
        cause,
      }),
    );
  };
  /** Calls the telemetry. A program without types may pass async functions. */
  const attempt = <Result>(call: () => Result): Result | undefined => {
    try {
      const result = call();
      if (result instanceof Promise) result.catch(failed);
      return result;
    } catch (error) {
      return failed(error);
    }
  };
  const spans = new WeakMap<TelemetrySpan, TelemetrySpan>();
  return {
    startSpan: (name, from) => {
      const causes = from instanceof Request ? from : from.flatMap((cause) => spans.get(cause) ?? []);
      const span = attempt(() => given.startSpan(name, causes));
      const guarded: TelemetrySpan = {
        set: (facts) => attempt(() => span?.set(facts)),
        run: <Result>(work: () => Result) => {
          let ran: { readonly result: Result } | undefined;
          const once = (): Result => (ran ??= { result: work() }).result;
          attempt(() => {
            const returned = span?.run(once);
            if (!(returned instanceof Promise)) return;
            // The caller receives a failure of the work by the promise of the work.
            returned.catch((error: unknown) =>
              Promise.resolve(once()).then(
                () => failed(error),
                () => {},
              ),
            );
          });
          return once();
        },
        end: (failure) => attempt(() => span?.end(failure)),
      };
      if (span) spans.set(guarded, span);
      return guarded;
    },
    record: (measure, value, facts) => attempt(() => given.record(measure, value, facts)),
    ...(given.observe && {
      observe: (level, read) => {
        const stop = attempt(() => given.observe?.(level, read));
        return () => attempt(() => stop?.());
      },
    }),
  };
}
