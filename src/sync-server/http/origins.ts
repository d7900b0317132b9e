/**
 * The rule that decides which pages may use this server.
 *
 * Guarantees (P23, http.limits.test.ts):
 * - An `Origin` is compared only with the configured list, never with the request's own address, because the sender
 *   chooses that.
 * - With `origins`: a request or socket from an origin outside the list is refused, and an origin inside it gets CORS
 *   headers. The list must contain the page's own origin too, because a browser sends it with every POST and every
 *   socket.
 * - Only with `credentials`, pages of the list may send cookies. The origin `null` never may, because any page can have
 *   it (origins.gateways.test.ts).
 * - Without `origins`: a browser hides the responses from foreign pages, because there are no CORS headers. A foreign
 *   page cannot change anything: a push needs `application/json`, which it cannot send without those headers. A request
 *   that the browser marks as foreign is refused. A socket needs a ticket, which only a readable response contains.
 *   Pages of the same origin, a development proxy and programs other than browsers work without a list.
 */
import { refuseDefinition } from "../../core/values/refuse.ts";
import { SERVER_HEADER } from "../../core/wire/messages.ts";
import { HttpRefusal } from "../base/http-refusal.ts";

export type OriginRule = {
  /** Returns the CORS headers for the response. Throws `origin-refused` for a page that may not use the server. */
  readonly check: (request: Request) => Readonly<Record<string, string>>;
  /** The response to a browser's preflight request. */
  readonly preflight: (request: Request) => Response;
};

const OWN_HEADERS = "authorization, content-type, content-encoding";

const PREFLIGHT_HEADERS = { "access-control-allow-methods": "GET, POST", "access-control-max-age": "600" };

/** @param credentials whether pages of the list may send cookies */
export function createOriginRule(origins: readonly string[] | undefined, credentials = false): OriginRule {
  const allowed = origins && new Set(originList(origins));
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
    return {
      vary: "origin",
      "access-control-allow-origin": origin,
      "access-control-expose-headers": `retry-after, ${SERVER_HEADER}`,
      ...(credentials && origin !== "null" && { "access-control-allow-credentials": "true" }),
    };
  };
  return {
    check,
    preflight: (request) =>
      new Response(null, {
        status: 204,
        headers: {
          ...check(request),
          ...(allowed &&
            request.headers.has("origin") && {
              ...PREFLIGHT_HEADERS,
              // The app's own headers for a gateway are allowed too, because the server reads none of them.
              "access-control-allow-headers": request.headers.get("access-control-request-headers") ?? OWN_HEADERS,
            }),
          "cache-control": "no-store",
        },
      }),
  };
}

/** The list with each origin as a browser writes it, because a browser sends neither a path nor a usual port. */
function originList(origins: unknown): readonly string[] {
  return Array.isArray(origins) ? origins.map(originOf) : refuseOrigin("`origins`", origins);
}

function originOf(written: unknown): string {
  // Pages of files and of sandboxed frames have this origin.
  if (written === "null") return written;
  const url = typeof written === "string" ? URL.parse(written) : null;
  const isOrigin =
    url !== null &&
    url.host !== "" &&
    !/^wss?:$/.test(url.protocol) &&
    !url.hostname.includes("*") &&
    /^\/?$/.test(url.pathname) &&
    `${url.username}${url.password}${url.search}${url.hash}` === "";
  return isOrigin ? `${url.protocol}//${url.host}` : refuseOrigin("An entry of `origins`", written);
}

function refuseOrigin(what: string, value: unknown): never {
  return refuseDefinition(
    `${what} is ${JSON.stringify(value)}, but a browser sends no such origin`,
    'Write a list of whole origins, such as ["https://app.example.org"]: with scheme, without path and wildcard.',
    { option: "origins" },
  );
}
