/**
 * Who is asking, and what they may do.
 *
 * Place: every route and every socket asks `authorize` first, then `permit`; the log writer asks `permit` again for each
 * command, just before it decides.
 * Holds: an actor comes from here and from nowhere else; tokens are compared as hashes in constant time, so that
 * neither time nor an early exit tells how much of a guess was right.
 */
import type { Draft } from "../../core/domain/event.ts";
import type { Json } from "../../core/values/json.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";
import { sameBytes } from "./same-bytes.ts";

/**
 * Someone whose identity was verified. It is sealed into socket tickets and kept with sockets: plain JSON, at most 1 KiB.
 * Further fields are the app's own and reach `permit`.
 */
export type Principal = {
  /** Stands in every record of theirs: 1 to 128 characters. */
  readonly actor: string;
  /** Milliseconds since the epoch; their sockets are closed then. */
  readonly expiresAt?: number;
  readonly [claim: string]: Json | undefined;
};

/** Tells who sends a request, or null. What it throws is answered as a failure of the server, to be tried again. */
export type Authorize = (request: Request) => Promise<Principal | null> | Principal | null;

export type PermitRequest =
  /** Read the log: all of it. Pushing needs this too. */
  | { readonly action: "read"; readonly log: string }
  /** Run a command on a stream. Asked before anything is decided, so that a refusal tells nothing. */
  | {
      readonly action: "write";
      readonly log: string;
      readonly stream: string;
      readonly command: string;
      readonly input: Json | undefined;
    }
  /** Record what a command decided. Asked only where a command gave events. */
  | {
      readonly action: "record";
      readonly log: string;
      readonly stream: string;
      readonly command: string;
      readonly events: readonly Draft[];
    };

/**
 * Tells whether someone may do what they ask for.
 *
 * @example
 * const permit: Permit = (principal, request) =>
 *   request.log === `team-${principal.team}` && (request.action === "read" || principal.role === "editor");
 */
export type Permit = (principal: Principal, request: PermitRequest) => boolean | Promise<boolean>;

type Tokens = { readonly [token: string]: string | Principal };
type Find = (token: string) => Promise<Principal | null> | Principal | null;

export type BearerOptions =
  /** Secrets and whose they are: an actor's name, or a principal. */
  | { readonly tokens: Tokens }
  /** For tokens that carry proof themselves: check the signature with a fixed algorithm, the audience and the expiry. */
  | { readonly verify: Find };

const TABLE_FIX =
  'Give secrets and whose they are, such as bearer({ tokens: { "adas-secret": "ada" } }), or bearer({ verify }).';

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]{1,8192})$/i;

/**
 * Reads `Authorization: Bearer …`.
 *
 * @example
 * serve({ domain, store, authorize: bearer({ tokens: { [process.env.ADA_TOKEN]: "ada" } }) });
 */
export function bearer(options: BearerOptions): Authorize {
  const find = finder(options);
  return async (request) => {
    const [, token] = BEARER.exec(request.headers.get("authorization") ?? "") ?? [];
    return token === undefined ? null : find(token);
  };
}

/** True for a principal that can stand in records and travel in a ticket. One whose end is no time would never end. */
export function isPrincipal(value: Principal | null): value is Principal {
  if (typeof value !== "object" || value === null) return false;
  const { actor, expiresAt } = value;
  return (
    typeof actor === "string" &&
    actor.length > 0 &&
    actor.length <= 128 &&
    actor.isWellFormed() &&
    (expiresAt === undefined || Number.isFinite(expiresAt))
  );
}

/** Refuses what would let nobody in, or the wrong ones: JavaScript users meet it when the server starts, not at each request. */
function finder(options: BearerOptions): Find {
  const { verify, tokens }: { readonly verify?: Find; readonly tokens?: Tokens } = options ?? {};
  if (typeof verify === "function") return verify;
  // In a list, the secrets would be owners, and their places the tokens.
  if (typeof tokens !== "object" || tokens === null || Array.isArray(tokens))
    refuseDefinition("bearer() was given neither a table of `tokens` nor a function `verify`", TABLE_FIX);
  if (Object.keys(tokens).length === 0)
    refuseDefinition("bearer() was given an empty table of `tokens`: it lets nobody in", TABLE_FIX);
  // What JavaScript makes of a variable of the environment that is not set: whoever guesses that would be let in.
  for (const unset of ["undefined", "null", ""])
    if (Object.hasOwn(tokens, unset))
      refuseDefinition(`bearer() was given ${JSON.stringify(unset)} as a token: a secret was not set`, TABLE_FIX);
  return findToken(tokens);
}

function findToken(tokens: Tokens): (token: string) => Promise<Principal | null> {
  const known = Promise.all(
    Object.entries(tokens).map(async ([token, owner]) => ({
      hash: await sha256(token),
      principal: typeof owner === "string" ? { actor: owner } : owner,
    })),
  );
  return async (token) => {
    const hash = await sha256(token);
    let found: Principal | null = null;
    // All are compared, whichever fits.
    for (const entry of await known) if (sameBytes(hash, entry.hash)) found = entry.principal;
    return found;
  };
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
