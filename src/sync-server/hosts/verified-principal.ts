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

/** Returns the request for the object. Null: the request has no verified sender, such as one with a ticket. */
export function withPrincipal(request: Request, principal: Principal | null): Request {
  const forwarded = new Request(request);
  forwarded.headers.delete("authorization");
  // A header has only ASCII, and an actor's name may have any letters.
  if (principal) forwarded.headers.set(HEADER, encodeURIComponent(JSON.stringify(principal)));
  else forwarded.headers.delete(HEADER);
  return forwarded;
}

/** The `authorize` of an object. Only the Worker can send requests to an object. */
export function readPrincipal(request: Request): Principal | null {
  const text = request.headers.get(HEADER);
  return text === null ? null : parseOwnJson<Principal>(decodeURIComponent(text));
}
