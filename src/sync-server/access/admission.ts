/**
 * Who may come in: the questions that every request for a log answers before anything is done for it.
 *
 * Place: each route and each upgrade asks at its own door; none relies on the path it was mounted under.
 * Holds: in this order: is the page allowed, is the name one, who is it, not too often, may they read. A log that is not there and one
 * that is not theirs get the same answer.
 */
import { LOG_NAME } from "../../core/history/limits.ts";
import { type Authorize, isPrincipal, type Permit, type Principal } from "./authorize.ts";
import type { Env } from "../base/env.ts";
import { HttpRefusal } from "../base/http-refusal.ts";
import type { ServerLimits } from "../base/limits.ts";
import { createRateLimiter, type RateLimiter } from "../base/rate-limit.ts";
import { callWithinTime } from "../base/app-timeout.ts";

export type Admission = {
  /** The verified sender of a request for a log, who may read it. */
  readonly reader: (request: Request, log: string) => Promise<Principal>;
  /** The same for someone who was verified before: the holder of a ticket, or of a socket that has been open for a while. */
  readonly checkReader: (principal: Principal, log: string) => Promise<void>;
  /** Counted for whom they come from, not for the device that they name: that is the sender's own word. */
  readonly countCommits: (principal: Principal, commits: number) => void;
};

export type AdmissionOptions = {
  readonly authorize: Authorize;
  readonly permit: Permit;
  readonly limits: ServerLimits;
  readonly env: Env;
  readonly report: (error: unknown) => void;
};

export function createAdmission({ authorize, permit, limits, env, report }: AdmissionOptions): Admission {
  const requests = createRateLimiter(limits.requestRate, env.now);
  const commits = createRateLimiter(limits.commitRate, env.now);

  // An app's own function that fails is our failure, not the sender's fault: they may come again.
  const asked = async <T>(what: string, question: () => T | Promise<T>): Promise<T> => {
    try {
      return await callWithinTime(env, what, question);
    } catch (error) {
      report(error);
      throw new HttpRefusal("unavailable");
    }
  };
  const checkReader = async (principal: Principal, log: string): Promise<void> => {
    if (principal.expiresAt !== undefined && principal.expiresAt <= env.now()) throw new HttpRefusal("unauthorized");
    if (!(await asked("permit", () => permit(principal, { action: "read", log })))) throw new HttpRefusal("forbidden");
  };
  return {
    reader: async (request, log) => {
      if (!LOG_NAME.test(log)) throw new HttpRefusal("bad-request", { message: "This is not the name of a log" });
      const principal = await asked("authorize", () => authorize(request));
      if (!isPrincipal(principal)) throw new HttpRefusal("unauthorized");
      count(requests, principal.actor, 1);
      await checkReader(principal, log);
      return principal;
    },
    checkReader,
    countCommits: ({ actor }, cost) => count(commits, actor, cost),
  };
}

function count(limiter: RateLimiter, key: string, cost: number): void {
  const retryAfterMs = limiter.tryConsume(key, cost);
  if (retryAfterMs > 0) throw new HttpRefusal("rate-limited", { retryAfterMs });
}
