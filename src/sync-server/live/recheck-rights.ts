/**
 * The repeated check that the holder of an open socket may still read.
 *
 * Guarantees, each by test/unit/sync-server/access/access.rights-that-end.test.ts:
 * - A socket closes within a minute after its holder loses the right to read.
 * - A socket closes when the token that opened it expires.
 * - If the app cannot answer for most of a minute, the socket closes. A shorter failure closes nothing.
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

/** If the app cannot answer, the server requests the right again after this time … */
const RIGHTS_RETRY_MS = 5_000;
/** … and closes the socket if the last yes is older than this. */
const RIGHTS_UNSURE_MS_MAX = 44_000;

/** Checks whether a right was requested too long ago, or its token has expired. */
export function isRecheckDue({ rights, principal }: Member, now: number, rightsMs: number): boolean {
  return now - rights.requestedAt >= rightsMs || (principal.expiresAt ?? Infinity) <= now;
}

/** Requests the right of a socket again, and closes the socket if it is lost. Never rejects. */
export async function recheckRights(
  member: Member,
  now: number,
  rightsMs: number,
  options: RecheckRightsOptions,
): Promise<void> {
  const { env, checkReader } = options;
  const { rights } = member;
  rights.requestedAt = now;
  try {
    await checkReader(member.principal, member.log);
    rights.confirmedAt = now;
    member.save();
  } catch (error) {
    if (error instanceof HttpRefusal && (error.code === "forbidden" || error.code === "unauthorized"))
      member.close(error.code);
    else if (now - rights.confirmedAt > RIGHTS_UNSURE_MS_MAX) member.close("unavailable", jittered(env, RECONNECT_MS));
    else rights.requestedAt = now - rightsMs + RIGHTS_RETRY_MS;
  }
}

/** When the next recheck of a socket is due, or its token expires. Milliseconds since the epoch, or Infinity. */
export function nextRecheckAt({ rights, principal }: Member, rightsMs: number): number {
  return Math.min(rights.requestedAt + rightsMs, principal.expiresAt ?? Infinity);
}
