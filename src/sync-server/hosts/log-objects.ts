/**
 * The objects of all logs, as the Worker reaches them: the binding, and what a failed call means.
 *
 * Guarantees:
 * - No other place calls `getByName`, and the operator's calls check the name first. Otherwise a typing error would
 *   make an object for ever (cloudflare.guard.test.ts).
 * - A failure of the runtime between the Worker and an object is a 503 with `Retry-After` for a request, and a
 *   DacapoError for a call (log-objects.test.ts).
 */
import { DacapoError, DefinitionError } from "../../core/values/errors.ts";
import { fromPlainError } from "../../core/values/plain-error.ts";
import { reasonOf } from "../../core/values/reason.ts";
import { invalid, requireLogName } from "../base/check-arguments.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import { isNamespace, type LogStub, type RpcResult } from "./cloudflare-runtime.ts";

export type LogObjectsOptions = {
  readonly binding: string;
  readonly jurisdiction: string | undefined;
  readonly locationHint: string | undefined;
};

export class LogObjects {
  readonly #options: LogObjectsOptions;

  constructor(options: LogObjectsOptions) {
    this.#options = options;
  }

  /** The object of a log, whose name the caller has checked. No object is made before the first call. */
  stub(env: object, log: string): LogStub {
    const { binding, jurisdiction, locationHint } = this.#options;
    const namespace: unknown = Reflect.get(env, binding);
    if (!isNamespace(namespace))
      throw new DefinitionError({
        message: `The Worker has no Durable Object binding named ${binding}`,
        fix: "Add it to `durable_objects.bindings` in wrangler.jsonc, or pass the name that it has as `binding`.",
      });
    const place = jurisdiction === undefined ? namespace : namespace.jurisdiction(jurisdiction);
    return place.getByName(log, locationHint === undefined ? {} : { locationHint });
  }

  /** Calls a method of the object of a log, for the operator. */
  async call<Value>(env: object, log: string, method: (stub: LogStub) => Promise<RpcResult<Value>>): Promise<Value> {
    const stub = this.stub(env, requireLogName(log));
    const result = await method(stub).catch((error: unknown) => {
      throw callFailure(log, error);
    });
    if (!result.ok) throw fromPlainError(result.error);
    return result.value;
  }
}

/**
 * The refusal of a request after `stub.fetch` threw. The Worker does not repeat the request, because the runtime has
 * repeated it already if it never reached the object.
 */
export function refusalOf(error: unknown): HttpRefusal {
  if (isMarked(error, "overloaded")) return new HttpRefusal("overloaded");
  // A deploy, or a machine that failed. The same request may succeed at once.
  if (isMarked(error, "retryable") || isMarked(error, "durableObjectReset")) return new HttpRefusal("restarting");
  return new HttpRefusal("unavailable");
}

/** True if the code of the object threw, or for an unknown failure. The operator must hear of it. */
export function isUnexpected(error: unknown): boolean {
  return refusalOf(error).code === "unavailable";
}

function callFailure(log: string, cause: unknown): DacapoError {
  // The runtime found it before it called the object.
  if (cause instanceof Error && cause.name === "DataCloneError")
    return invalid(`The log ${log} cannot be called`, `an argument is not plain data: ${cause.message}`);
  const isOlder = /RPC receiver does not implement/.test(reasonOf(cause));
  return new DacapoError("unreachable", "later", {
    message: isOlder
      ? `The object of the log ${log} still runs an older release, which does not know this call`
      : `The object of the log ${log} did not answer a call: ${reasonOf(cause)}`,
    fix: isOlder
      ? "Repeat the call in a few minutes. Objects change to a new release one after the other."
      : "Repeat the call. The first one may have succeeded.",
    details: { log },
    cause,
  });
}

/** The runtime marks its errors by fields. They have no class. */
function isMarked(error: unknown, field: "overloaded" | "retryable" | "durableObjectReset"): boolean {
  return error instanceof Error && Reflect.get(error, field) === true;
}
