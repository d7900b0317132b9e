/**
 * The sender of a request (`authorize`) and the sender's rights (`permit`), with `bearer` for tables of tokens.
 *
 * Guarantees:
 * - An actor's name comes only from `authorize` (P3, http.limits.test.ts).
 * - Tokens are compared by their hashes in constant time. Otherwise the time would reveal how much of a guess was right
 *   (authorize.bearer.test.ts).
 */
import type { Draft } from "../../core/domain/event.ts";
import type { Json } from "../../core/values/json.ts";
import { exceedsBytes } from "../../core/values/byte-length.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import { refuseDefinition } from "../../core/values/refuse.ts";

/**
 * A sender whose identity was verified: plain JSON of at most 1 KiB, because socket tickets and sockets carry it.
 * Further fields belong to the app, and `permit` receives them.
 *
 * @example
 * const principal: Principal = { actor: "ada", team: "7", expiresAt: Date.now() + 3_600_000 };
 */
export type Principal = {
  /** Name of the actor, stored in each of its records: 1 to 128 characters. It does not begin with `~`. */
  readonly actor: string;
  /**
   * Time when this identity ends. The server then closes its sockets and refuses its requests. Milliseconds since the
   * epoch.
   *
   * @default no end
   */
  readonly expiresAt?: number;
  readonly [claim: string]: Json | undefined;
};

/**
 * Returns the sender of a request, or null for an unknown sender (401 `unauthorized`). If it throws, or takes more than
 * 5 seconds, the server answers 503 `unavailable`, and the client tries again.
 *
 * An open socket renews its token too. Then the request has no other header than `authorization`.
 *
 * @example
 * const authorize: Authorize = async (request) => {
 *   const session = await sessions.find(request.headers.get("authorization"));
 *   return session && { actor: session.user };
 * };
 */
export type Authorize = (request: Request) => Promise<Principal | null> | Principal | null;

/** The action that `permit` decides about. */
export type PermitRequest =
  /** Read the whole log. Pushing needs this right too. */
  | {
      /** The right in question. */
      readonly action: "read";
      /** The log's name. */
      readonly log: string;
    }
  /**
   * Run a command on a stream. Requested before the command is decided, so that a refusal reveals nothing of the
   * stream.
   */
  | {
      /** The right in question. */
      readonly action: "write";
      /** The log's name. */
      readonly log: string;
      /** The stream that the command writes to. */
      readonly stream: string;
      /** The command's name. */
      readonly command: string;
      /** The command's input as the client sent it. */
      readonly input: Json | undefined;
    }
  /** Record the events that a command decided. Requested only if there are events. */
  | {
      /** The right in question. */
      readonly action: "record";
      /** The log's name. */
      readonly log: string;
      /** The stream that the command writes to. */
      readonly stream: string;
      /** The command's name. */
      readonly command: string;
      /** The events that the server decided. */
      readonly events: readonly Draft[];
    };

/**
 * Returns true if a principal may do an action. False or no result refuses it. If it throws, or takes more than 5
 * seconds, the server answers 503 `unavailable`, and the client tries again. `onError` gets the log and the commit.
 *
 * @example
 * const permit: Permit = (principal, request) =>
 *   request.log === `team-${principal.team}` && (request.action === "read" || principal.role === "editor");
 */
export type Permit = (principal: Principal, request: PermitRequest) => boolean | Promise<boolean>;

type Tokens = { readonly [token: string]: string | Principal };
type FindPrincipal = (token: string) => Promise<Principal | null> | Principal | null;

/** Options of `bearer`: a table of tokens, or a function that verifies them. */
export type BearerOptions =
  /** A table of secrets. Each value is the actor's name, or a principal. */
  | {
      /** Each secret with its actor's name, or with a principal. */
      readonly tokens: Tokens;
    }
  /**
   * Verifies a token that carries its own proof, and returns its principal or null. Check the signature with a fixed
   * algorithm, the audience and the expiry. For JSON Web Tokens use `jwt`.
   */
  | {
      /** Returns the principal of a token, or null. */
      readonly verify: FindPrincipal;
    };

const OPTIONS: OptionNames<BearerOptions> = { tokens: true, verify: true };

const TABLE_FIX =
  'Pass a table from secret to actor, such as bearer({ tokens: { "adas-secret": "ada" } }), or bearer({ verify }).';

const BEARER = /^Bearer +([A-Za-z0-9._~+/=-]{1,8192})$/i;

/**
 * An `authorize` that reads `Authorization: Bearer <token>`.
 *
 * @example
 * import { bearer, serve } from "dacapo/node";
 * import { sqlite } from "dacapo/sqlite";
 * const { ADA_TOKEN = "" } = process.env;
 * await serve({ domain, store: sqlite("logs.db"), authorize: bearer({ tokens: { [ADA_TOKEN]: "ada" } }) });
 *
 * @throws DefinitionError (`definition`) if `tokens` is missing, is empty, is a list, or contains a secret that was not
 * set.
 */
export function bearer(options: BearerOptions): Authorize {
  const find = requireFind(options);
  return async (request) => {
    const [, token] = BEARER.exec(request.headers.get("authorization") ?? "") ?? [];
    return token === undefined ? null : find(token);
  };
}

/**
 * True for a principal whose actor fits into a record. `expiresAt` must be a number, because otherwise it would never
 * end.
 */
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

/** Bytes of a principal. Tickets and sockets carry it, and an attachment of a Durable Object's socket has 2 KB. */
const PRINCIPAL_BYTES_MAX = 1024;

/** Throws an ordinary error for a principal that a socket cannot carry, because the mistake is the app's. */
export function requireSmallPrincipal(principal: Principal): void {
  if (exceedsBytes(JSON.stringify(principal), PRINCIPAL_BYTES_MAX))
    throw new Error(
      `authorize returned a principal of more than ${PRINCIPAL_BYTES_MAX} bytes. Return fewer or shorter claims.`,
    );
}

/** Whole milliseconds until an identity ends. Null: it does not end. */
export function msUntilEnd({ expiresAt }: Principal, now: number): number | null {
  return expiresAt === undefined ? null : Math.max(0, Math.floor(expiresAt - now));
}

/** Checks the options when the server starts, because JavaScript users would otherwise see each request fail. */
function requireFind(options: BearerOptions): FindPrincipal {
  const { verify, tokens }: { readonly verify?: FindPrincipal; readonly tokens?: Tokens } = options ?? {};
  const isTable = typeof tokens === "object" && tokens !== null;
  if (isTable || typeof verify === "function") requireKnownOptions("`bearer`", options, OPTIONS);
  if (typeof verify === "function") return verify;
  // In a list, the indexes would be the tokens, and the secrets would be the actors.
  if (typeof tokens !== "object" || tokens === null || Array.isArray(tokens))
    refuseDefinition("bearer() received neither a table `tokens` nor a function `verify`", TABLE_FIX);
  if (Object.keys(tokens).length === 0)
    refuseDefinition("bearer() received an empty table `tokens`, so every request would be refused", TABLE_FIX);
  // JavaScript converts an unset environment variable to one of these texts, and a sender could guess it.
  for (const unset of ["undefined", "null", ""])
    if (Object.hasOwn(tokens, unset))
      refuseDefinition(`bearer() received ${JSON.stringify(unset)} as a token, so a secret was not set`, TABLE_FIX);
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
    // Compare all of them, because an early exit would reveal the place of the matching token.
    for (const entry of await known) if (sameBytes(hash, entry.hash)) found = entry.principal;
    return found;
  };
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}

/**
 * True for the same bytes. It always reads all bytes, because otherwise the time would reveal how much of a guess was
 * right.
 */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  let difference = left.length ^ right.length;
  for (let index = 0; index < left.length; index++) difference |= (left[index] ?? 0) ^ (right[index] ?? 0);
  return difference === 0;
}
