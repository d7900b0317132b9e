/**
 * The rule that decides which pages may use this server.
 *
 * Guarantees (P23, http.limits.test.ts):
 * - An `Origin` is compared only with the configured list, never with the request's own address, because the sender
 *   chooses that.
 * - With `origins`: a request or socket from an origin outside the list is refused, and an origin inside it gets CORS
 *   headers. The list must contain the page's own origin too, because a browser sends it with every POST and every
 *   socket.
 * - Without `origins`: a browser hides the responses from foreign pages, because there are no CORS headers. A foreign
 *   page cannot change anything: a push needs `application/json`, which it cannot send without those headers. A request
 *   that the browser marks as foreign is refused. A socket needs a ticket, which only a readable response contains.
 *   Pages of the same origin, a development proxy and programs other than browsers work without a list.
 */
import { HttpRefusal } from "../base/http-refusal.ts";

export type OriginRule = {
  /** Returns the CORS headers for the response. Throws `origin-refused` for a page that may not use the server. */
  readonly check: (request: Request) => Readonly<Record<string, string>>;
  /** The response to a browser's preflight request. */
  readonly preflight: (request: Request) => Response;
};

const PREFLIGHT_HEADERS = {
  "access-control-allow-methods": "GET, POST",
  "access-control-allow-headers": "authorization, content-type, content-encoding",
  "access-control-max-age": "600",
};

export function createOriginRule(origins: readonly string[] | undefined): OriginRule {
  const allowed = origins && new Set(origins);
  const check = (request: Request): Readonly<Record<string, string>> => {
    const origin = request.headers.get("origin");
    if (!allowed) {
      const site = request.headers.get("sec-fetch-site");
      if (request.method !== "GET" && (site === "cross-site" || site === "same-site"))
        throw new HttpRefusal("origin-refused");
      return {};
    }
    if (origin === null) return { vary: "origin" };
    if (!allowed.has(origin)) throw new HttpRefusal("origin-refused");
    return { vary: "origin", "access-control-allow-origin": origin, "access-control-expose-headers": "retry-after" };
  };
  return {
    check,
    preflight: (request) =>
      new Response(null, {
        status: 204,
        headers: {
          ...check(request),
          ...(allowed && request.headers.has("origin") && PREFLIGHT_HEADERS),
          "cache-control": "no-store",
        },
      }),
  };
}
