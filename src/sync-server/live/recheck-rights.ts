/**
 * The repeated check that the holder of an open socket may still read.
 *
 * Guarantees, each by test/unit/sync-server/access/access.rights-that-end.test.ts:
 * - A socket closes within a minute after its holder loses the right to read.
 * - A socket closes when the token that opened it expires.
 * - If the app cannot answer twice in turn, the socket closes. One failure closes nothing.
 */
import { type Env, jittered } from "../base/env.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { Principal } from "../access/authorize.ts";
import { type Member, RECONNECT_MS } from "./member.ts";
import type { LogName } from "../../core/values/ids.ts";

export type RecheckRightsOptions = {
  readonly env: Env;
  /** Throws a refusal if the principal may not read the log. */
  readonly checkReader: (principal: Principal, log: LogName) => Promise<void>;
};

/** When the right of a socket is due, or its token expires. Milliseconds since the epoch, or Infinity. */
export function nextRecheckAt({ right, principal }: Pick<Member, "right" | "principal">, rightsMs: number): number {
  return Math.min(right.dueAt(rightsMs), principal.expiresAt ?? Infinity);
}

/** Requests the right of a socket again, and closes the socket if it is lost. Never rejects. */
export async function recheckRights(member: Member, now: number, options: RecheckRightsOptions): Promise<void> {
  const { env, checkReader } = options;
  const isSecondTry = member.right.noteRequest(now);
  try {
    await checkReader(member.principal, member.log);
    member.right.confirm();
  } catch (error) {
    if (error instanceof HttpRefusal && (error.code === "forbidden" || error.code === "unauthorized"))
      return member.close(error.code);
    if (isSecondTry) return member.close("unavailable", jittered(env, RECONNECT_MS));
  }
  member.save();
}
