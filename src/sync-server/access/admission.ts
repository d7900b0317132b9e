/**
 * The checks before every request for a log: its name, the sender, the rate of requests, and the right to read.
 *
 * Guarantees:
 * - The checks run in this order. The origin of the page is checked before them (`origins`).
 * - Without the right to read, the response is the same whether the log exists or not (access.rights-that-end.test.ts).
 */
import { LOG_NAME } from "../../core/history/limits.ts";
import { DefinitionError } from "../../core/values/errors.ts";
import { SERVER_ACTOR_PREFIX } from "../base/reserved-names.ts";
import type { Admin, AdminRequest } from "./admin.ts";
import { type Authorize, isPrincipal, type Permit, type Principal } from "./authorize.ts";
import type { Env } from "../base/env.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { ServerLimits } from "../base/limits.ts";
import { createRateLimiter, type RateLimiter } from "../base/rate-limit.ts";
import { callWithinTime } from "../base/app-timeout.ts";
import type { LogName } from "../../core/values/ids.ts";

/** The origin of the request with which `authorize` reads the new token of an open socket. */
export const RENEWAL_ORIGIN = "https://socket.invalid";

/**
 * The mark of an `authorize` behind a gate that admits requests first, such as the Worker in front of an object. The
 * function returns true for a request whose right to read the gate has just checked.
 */
export const GATE_CHECKED: unique symbol = Symbol("the gate has checked the right to read");

/** An `authorize`, perhaps behind a gate. */
export type GatedAuthorize = Authorize & { readonly [GATE_CHECKED]?: (request: Request) => boolean };

export type Admission = {
  /** Returns the verified sender of a request for a log that this sender may read. Throws an HttpRefusal otherwise. */
  readonly reader: (request: Request, log: LogName) => Promise<Principal>;
  /**
   * Returns the verified sender of an operator's request, for which `admin` returned true. `permit` is not called.
   * Without `admin` the address does not exist.
   */
  readonly operator: (request: Request, right: AdminRequest) => Promise<Principal>;
  /** The same check for the sender of a token that came over an open socket. */
  readonly tokenReader: (token: string, log: LogName) => Promise<Principal>;
  /**
   * The same check for a principal that was verified before: the holder of a ticket, of a socket or of an export. If a
   * gate has checked the right for this request, only the end of the principal is checked.
   */
  readonly checkReader: (principal: Principal, log: LogName, request?: Request) => Promise<void>;
  /** Counts commits by actor, not by client id, because the sender chooses the client id. */
  readonly countCommits: (principal: Principal, commits: number) => void;
};

export type AdmissionOptions = {
  readonly authorize: GatedAuthorize;
  readonly permit: Permit;
  /** Undefined: no request is an operator's. */
  readonly admin?: Admin | undefined;
  readonly limits: ServerLimits;
  readonly env: Env;
  readonly report: (error: unknown) => void;
};

export function createAdmission({ authorize, permit, admin, limits, env, report }: AdmissionOptions): Admission {
  const requests = createRateLimiter(limits.requestRate, env.now);
  const commits = createRateLimiter(limits.commitRate, env.now);
  const isChecked = authorize[GATE_CHECKED] ?? (() => false);

  // If a function of the app fails, the sender may try again later, because the sender did nothing wrong.
  const callApp = async <T>(name: string, call: () => T | Promise<T>): Promise<T> => {
    try {
      return await callWithinTime(env, name, call);
    } catch (error) {
      report(error);
      throw new HttpRefusal("unavailable");
    }
  };
  const checkEnd = ({ expiresAt }: Principal): void => {
    if (expiresAt !== undefined && expiresAt <= env.now()) throw new HttpRefusal("unauthorized");
  };
  const checkReader: Admission["checkReader"] = async (principal, log, request) => {
    checkEnd(principal);
    if (request && isChecked(request)) return;
    if (!(await callApp("permit", () => permit(principal, { action: "read", log }))))
      throw new HttpRefusal("forbidden", { actor: principal.actor });
  };
  const sender = async (request: Request, log: LogName): Promise<Principal> => {
    if (!LOG_NAME.test(log)) throw new HttpRefusal("bad-request", { message: "The path contains an invalid log name" });
    const principal = await callApp("authorize", () => authorize(request));
    if (!isPrincipal(principal)) throw new HttpRefusal("unauthorized");
    if (principal.actor.startsWith(SERVER_ACTOR_PREFIX)) {
      report(reservedActor(principal.actor));
      throw new HttpRefusal("unauthorized");
    }
    count(requests, principal.actor, 1);
    return principal;
  };
  const reader = async (request: Request, log: LogName): Promise<Principal> => {
    const principal = await sender(request, log);
    await checkReader(principal, log, request);
    return principal;
  };
  const operator: Admission["operator"] = async (request, right) => {
    if (!admin) throw new HttpRefusal("not-found");
    const principal = await sender(request, right.log);
    checkEnd(principal);
    // A function without types may return anything, and only `true` is a right.
    if ((await callApp<unknown>("admin", () => admin(principal, right))) === true) return principal;
    throw new HttpRefusal("forbidden", { actor: principal.actor });
  };
  return {
    reader,
    operator,
    tokenReader: async (token, log) => {
      // `Request` would throw an error with the token in its text, and an operator's report would show it.
      if (!/^[\x21-\x7e]+$/.test(token)) throw new HttpRefusal("unauthorized");
      const url = `${RENEWAL_ORIGIN}/logs/${encodeURIComponent(log)}/live`;
      return reader(new Request(url, { headers: { authorization: `Bearer ${token}` } }), log);
    },
    checkReader,
    countCommits: ({ actor }, cost) => count(commits, actor, cost),
  };
}

function reservedActor(actor: string): DefinitionError {
  return new DefinitionError({
    message: `authorize returned the actor ${actor}, whose name belongs to the server's own code`,
    fix: `Return an actor that does not begin with ${SERVER_ACTOR_PREFIX}.`,
    details: { actor },
  });
}

function count(limiter: RateLimiter, key: string, cost: number): void {
  const retryAfterMs = limiter.tryConsume(key, cost);
  if (retryAfterMs > 0) throw new HttpRefusal("rate-limited", { retryAfterMs, actor: key });
}
