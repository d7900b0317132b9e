/**
 * Asking whether the author of a push may run its commands.
 *
 * Place: at the start of a batch, just before deciding, all at once; a right that ended while the push waited is seen.
 * Holds: what may not be done is refused before it is decided, so that a refusal tells nothing of the stream; a
 * `permit` that throws or hangs harms the push that asked and no other.
 */
import type { Permit } from "../access/authorize.ts";
import { forbiddenRefusal } from "./settle-commit.ts";
import type { Env } from "../base/env.ts";
import type { AdmittedPush, PushedCommit } from "./admit-push.ts";
import { callWithinTime } from "../base/app-timeout.ts";

export type PermittedPush = { readonly push: AdmittedPush; readonly failure: unknown };

export async function permitPush(
  { permit, log, env }: { readonly permit: Permit; readonly log: string; readonly env: Env },
  push: AdmittedPush,
): Promise<PermittedPush> {
  const checkCommit = async (pushed: PushedCommit): Promise<PushedCommit> => {
    if ("refusal" in pushed) return pushed;
    const answers = await Promise.all(
      pushed.commit.commands.map(async ({ stream, name, input }) =>
        callWithinTime(env, "permit", () =>
          permit(push.principal, { action: "write", log, stream, command: name, input }),
        ),
      ),
    );
    // Whoever forgets to answer has not said yes.
    const forbidden = answers.findIndex((answer) => !answer);
    return forbidden < 0 ? pushed : { id: pushed.id, refusal: forbiddenRefusal(forbidden) };
  };
  try {
    return { push: { ...push, commits: await Promise.all(push.commits.map(checkCommit)) }, failure: null };
  } catch (failure) {
    return { push, failure: failure ?? new Error("permit failed") };
  }
}
