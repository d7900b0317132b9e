/**
 * Which pages may talk to this server.
 *
 * Holds: an `Origin` is compared with the configured list and with nothing else, never with the request's own address,
 * which the sender chooses.
 *
 * With `origins`: a request that names an origin outside the list is refused, also the upgrade of a socket; those inside get CORS
 * headers. List the page's own origin too, since a browser sends it with every POST and every socket.
 * Without: no CORS headers, so a browser keeps answers from foreign pages; what changes anything needs `application/json`,
 * which a foreign page cannot send without those headers; what a browser itself marks as foreign is refused; a socket needs a
 * ticket, which only an answer gives. Same origin, a development proxy and programs that are no browsers just work.
 */
import { HttpRefusal } from "../base/http-refusal.ts";

export type OriginRule = {
  /** Throws for a page that may not ask. Gives the headers that let the page see the answer. */
  readonly check: (request: Request) => Readonly<Record<string, string>>;
  /** The answer to a browser that asks before it sends. */
  readonly preflight: (request: Request) => Response;
};

const PREFLIGHT_HEADERS = {
  "access-control-allow-methods": "GET, POST",
  "access-control-allow-headers": "authorization, content-type",
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
