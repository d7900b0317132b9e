/**
 * The target of a request on the edge: the Worker and the object read the same path by the same rule.
 *
 * Guarantees:
 * - The list has the routes of `mountRoutes`, so that a request for any other path wakes no object
 *   (sync-target.test.ts).
 * - An invalid escape such as `%ff` is no target, and never throws.
 */
import { adminPlace, type AdminRequest, adminRequest } from "../access/admin.ts";

export type SyncTarget =
  | { readonly kind: "health" }
  | { readonly kind: "readiness" }
  /** A route of the protocol, with the decoded name of its log. */
  | { readonly kind: "log" | "ticket" | "live"; readonly log: string }
  /** A request of an operator. */
  | { readonly kind: "admin"; readonly log: string; readonly right: AdminRequest }
  /** A path under `/logs/` that is not a route with this method. */
  | { readonly kind: "no-route" };

/** The methods and the paths of devices behind `/logs/<log>`. */
export const LOG_ROUTES: readonly (readonly [method: string, path: RegExp, kind: "log" | "ticket" | "live"])[] = [
  ["GET", /^$/, "log"],
  ["POST", /^\/commits$/, "log"],
  ["GET", /^\/records$/, "log"],
  ["GET", /^\/streams\/[^/]+\/[^/]+$/, "log"],
  ["GET", /^\/rows\/[^/]+$/, "log"],
  ["GET", /^\/base$/, "log"],
  ["GET", /^\/base\/[^/]+\/[^/]+$/, "log"],
  ["GET", /^\/export$/, "log"],
  ["POST", /^\/tickets$/, "ticket"],
  ["GET", /^\/live$/, "live"],
];

/** Returns the target of a request, or null if the path is not the server's. */
export function syncTarget(method: string, pathname: string, prefix: string): SyncTarget | null {
  if (!pathname.startsWith(`${prefix}/`)) return null;
  const path = pathname.slice(prefix.length);
  // A response to HEAD is that of GET without its body.
  const verb = method === "HEAD" ? "GET" : method;
  if (verb === "GET" && path === "/healthz") return { kind: "health" };
  if (verb === "GET" && path === "/readyz") return { kind: "readiness" };
  const [, name, rest = ""] = /^\/logs\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  const log = name === undefined ? null : decoded(name);
  if (log === null) return path.startsWith("/logs/") ? { kind: "no-route" } : null;
  const place = adminPlace(rest);
  const right = place && adminRequest(verb, log, place);
  if (right) return { kind: "admin", log, right };
  const route = LOG_ROUTES.find(([allowed, pattern]) => allowed === verb && pattern.test(rest));
  return route ? { kind: route[2], log } : { kind: "no-route" };
}

function decoded(name: string): string | null {
  try {
    return decodeURIComponent(name);
  } catch {
    return null;
  }
}
