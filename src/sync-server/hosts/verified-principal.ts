/**
 * The header in which the Worker passes the verified sender of a request to the object of a log.
 *
 * Guarantees (cloudflare.guard.test.ts):
 * - The Worker sets or deletes the header in every request, so that a client's own header never reaches an object.
 * - The sender's token ends at the Worker. The object does not receive it.
 */
import type { Principal } from "../access/authorize.ts";
import { parseOwnJson } from "../../core/values/json.ts";

const HEADER = "dacapo-principal";

/** Returns the request for the object, with the body that the Worker read. Null: no verified sender, or no body. */
export function withPrincipal(request: Request, principal: Principal | null, body: string | null): Request {
  const headers = new Headers(request.headers);
  // The text may be shorter than the bytes that the client sent.
  headers.delete("content-length");
  if (body !== null) headers.delete("content-encoding");
  headers.delete("authorization");
  // A header has only ASCII, and an actor's name may have any letters.
  if (principal) headers.set(HEADER, encodeURIComponent(JSON.stringify(principal)));
  else headers.delete(HEADER);
  return new Request(request.url, { method: request.method, headers, body });
}

/** The `authorize` of an object. Only the Worker can send requests to an object. */
export function readPrincipal(request: Request): Principal | null {
  const text = request.headers.get(HEADER);
  return text === null ? null : parseOwnJson<Principal>(decodeURIComponent(text));
}
