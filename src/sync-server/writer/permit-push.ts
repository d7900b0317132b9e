/**
 * Requests the right to run each command of a push from the app's `permit`.
 *
 * Guarantees:
 * - The rights are requested at the start of the batch, so that a right that ended while the push waited is seen
 *   (access.rights-that-end.test.ts).
 * - A command is refused before it is decided, so that the refusal reveals nothing of the stream.
 * - If `permit` throws or does not answer in time, only this push fails, and the batch does not call it again
 *   (permit-push.failing-permit.test.ts).
 */
import type { Permit, PermitRequest, Principal } from "../access/authorize.ts";
import { DacapoError } from "../../core/values/errors.ts";
import { reasonOf } from "../../core/values/reason.ts";
import { forbiddenRefusal } from "./settle-commit.ts";
import type { Env } from "../base/env.ts";
import type { AdmittedPush, PushedCommit } from "./admit-push.ts";
import { isPromise } from "../../core/values/promise.ts";
import { callWithinTime } from "../base/app-timeout.ts";
import type { LogName } from "../../core/values/ids.ts";

export type PermittedPush = {
  readonly push: AdmittedPush;
  /** Why `permit` failed. Null: it did not. A later round of the batch does not call it again for that push. */
  failure: unknown;
};

type PermitCall = { readonly env: Env; readonly permit: Permit; readonly commit: string };

/**
 * Calls `permit` for one command. If that fails, the promise rejects with an error that names the log and the commit,
 * for the operator. Most functions answer at once, and a promise for each command would cost more than the call.
 */
export function callPermit(
  { env, permit, commit }: PermitCall,
  principal: Principal,
  request: PermitRequest,
): boolean | Promise<boolean> {
  const fail = (cause: unknown): Promise<never> => Promise.reject(permitError(commit, request, cause));
  try {
    const answer = callWithinTime(env, "permit", () => permit(principal, request));
    return isPromise(answer) ? answer.catch(fail) : answer;
  } catch (cause) {
    return fail(cause);
  }
}

function permitError(commit: string, request: PermitRequest, cause: unknown): DacapoError {
  const { action, log } = request;
  const named = "command" in request ? { stream: request.stream, command: request.command } : {};
  return new DacapoError("unexpected", "later", {
    message: `permit failed for commit ${commit} in log ${log}: ${reasonOf(cause)}`,
    fix: "Fix permit. Until then, the commit waits on its device.",
    details: { log, commit, action, ...named },
    cause,
  });
}

export async function permitPush(
  { permit, log, env }: { readonly permit: Permit; readonly log: LogName; readonly env: Env },
  push: AdmittedPush,
): Promise<PermittedPush> {
  const checkCommit = async (pushed: PushedCommit): Promise<PushedCommit> => {
    if ("refusal" in pushed) return pushed;
    const call: PermitCall = { env, permit, commit: pushed.id };
    const answers = pushed.commit.commands.map(({ stream, name, input }) =>
      callPermit(call, push.principal, { action: "write", log, stream, command: name, input }),
    );
    const permissions = answers.some(isPromise) ? await Promise.all(answers.map(async (answer) => answer)) : answers;
    // A `permit` that returns nothing refuses.
    const forbidden = permissions.findIndex((permission) => !permission);
    return forbidden < 0 ? pushed : { id: pushed.id, refusal: forbiddenRefusal(forbidden) };
  };
  if (push.isTrusted === true) return { push, failure: null };
  try {
    return { push: { ...push, commits: await Promise.all(push.commits.map(checkCommit)) }, failure: null };
  } catch (failure) {
    return { push, failure };
  }
}
