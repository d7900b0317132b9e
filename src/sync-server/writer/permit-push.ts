/**
 * Requests the right to run each command of a push from the app's `permit`.
 *
 * Guarantees:
 * - The rights are requested at the start of the batch, so that a right that ended while the push waited is seen
 *   (access.rights-that-end.test.ts).
 * - A command is refused before it is decided, so that the refusal reveals nothing of the stream.
 * - If `permit` throws or does not answer in time, only this push fails (permit-push.failing-permit.test.ts).
 */
import type { Permit } from "../access/authorize.ts";
import { forbiddenRefusal } from "./settle-commit.ts";
import type { Env } from "../base/env.ts";
import type { AdmittedPush, PushedCommit } from "./admit-push.ts";
import { callWithinTime } from "../base/app-timeout.ts";
import type { LogName } from "../../core/values/ids.ts";

export type PermittedPush = { readonly push: AdmittedPush; readonly failure: unknown };

export async function permitPush(
  { permit, log, env }: { readonly permit: Permit; readonly log: LogName; readonly env: Env },
  push: AdmittedPush,
): Promise<PermittedPush> {
  const checkCommit = async (pushed: PushedCommit): Promise<PushedCommit> => {
    if ("refusal" in pushed) return pushed;
    const permissions = await Promise.all(
      pushed.commit.commands.map(async ({ stream, name, input }) =>
        callWithinTime(env, "permit", () =>
          permit(push.principal, { action: "write", log, stream, command: name, input }),
        ),
      ),
    );
    // A `permit` that returns nothing refuses.
    const forbidden = permissions.findIndex((permission) => !permission);
    return forbidden < 0 ? pushed : { id: pushed.id, refusal: forbiddenRefusal(forbidden) };
  };
  try {
    return { push: { ...push, commits: await Promise.all(push.commits.map(checkCommit)) }, failure: null };
  } catch (failure) {
    return { push, failure: failure ?? new Error("permit failed") };
  }
}
