/**
 * The headers in which the Worker passes to the object of a log what it verified about a request.
 *
 * A Worker and an object may run two releases for minutes after a deploy. So a release may add headers, and never
 * changes or removes one. An object checks itself what an older Worker did not check.
 *
 * Guarantees (cloudflare.guard.test.ts, cloudflare.releases.test.ts):
 * - The Worker sets or deletes the headers in every request, so that a client's own headers never reach an object.
 * - The sender's token ends at the Worker. The object does not receive it.
 */
import { GATE_CHECKED, type GatedAuthorize, RENEWAL_ORIGIN } from "../access/admission.ts";
import type { Authorize, Principal } from "../access/authorize.ts";
import { parseOwnJson } from "../../core/values/json.ts";

/** The verified sender: a principal as JSON, URI-encoded, because a header has only ASCII. */
const PRINCIPAL = "dacapo-principal";
/** The right that the Worker requested for this request. */
const CHECKED = "dacapo-checked";
const CHECKED_READ = "read";

/**
 * Returns the request for the object, after the check of its right to read, and with the body that the Worker read.
 * Null: the ticket carries the sender, or the request has no body.
 */
export function withPrincipal(request: Request, principal: Principal | null, body: string | null): Request {
  const headers = new Headers(request.headers);
  // The text may be shorter than the bytes that the client sent.
  headers.delete("content-length");
  if (body !== null) headers.delete("content-encoding");
  headers.delete("authorization");
  if (principal) headers.set(PRINCIPAL, encodeURIComponent(JSON.stringify(principal)));
  else headers.delete(PRINCIPAL);
  headers.set(CHECKED, CHECKED_READ);
  return new Request(request.url, { method: request.method, headers, body });
}

/**
 * The `authorize` of an object: it reads the sender that the Worker verified. A socket that renews its token sends it
 * to the object itself, so `authorizeToken` verifies that one.
 */
export function authorizeByWorker(authorizeToken: Authorize): GatedAuthorize {
  const authorize: Authorize = (request) => {
    if (new URL(request.url).origin === RENEWAL_ORIGIN) return authorizeToken(request);
    const text = request.headers.get(PRINCIPAL);
    return text === null ? null : parseOwnJson<Principal>(decodeURIComponent(text));
  };
  const isChecked = ({ headers }: Request): boolean => headers.get(CHECKED) === CHECKED_READ;
  return Object.assign(authorize, { [GATE_CHECKED]: isChecked });
}
