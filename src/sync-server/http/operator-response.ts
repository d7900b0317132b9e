/** The response of an app's own route for an error that an operator's call threw. */
import type { DacapoErrorCode } from "../../core/values/error-codes.ts";
import { DacapoError } from "../../core/values/errors.ts";
import { toPlainError } from "../../core/values/plain-error.ts";

const STATUS: ReadonlyMap<DacapoErrorCode, number> = new Map([
  ["invalid", 400],
  ["not-by-stream", 400],
  ["concurrency", 409],
  ["diverged", 409],
  ["gone", 410],
  ["rejected", 422],
  ["storage-full", 507],
]);

/**
 * The answer of your own route, if a call of `logs(env)` threw: JSON with `error.code`, `error.message`, `error.fix`,
 * `error.retry` and `error.details`. The texts are for the operator, so check the caller first.
 *
 * The status is 400 for `invalid`, 409 for `concurrency`, 410 for `gone`, 422 for `rejected` and 507 for
 * `storage-full`. Any other error has 503 if the same call may succeed later, else 500.
 *
 * @example
 * try {
 *   return Response.json(await logs(env).importLog("team-7", request.body));
 * } catch (error) {
 *   return operatorResponse(error);
 * }
 *
 * @throws the error itself if it is not a DacapoError, so that the runtime logs it.
 */
export function operatorResponse(error: unknown): Response {
  if (!(error instanceof DacapoError)) throw error;
  const status = STATUS.get(error.code) ?? (error.retry === "later" ? 503 : 500);
  const headers = { "cache-control": "no-store", ...(status === 503 && { "retry-after": "1" }) };
  return Response.json({ error: toPlainError(error) }, { status, headers });
}
