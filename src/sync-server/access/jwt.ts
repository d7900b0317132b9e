/**
 * `authorize` by JSON Web Tokens, verified by Hono's helpers.
 *
 * Place: an app that has an identity provider hands this to `authorize`; `bearer` reads the header.
 * Holds: the algorithm is the configured one, whatever a token says; a token names its issuer, this audience and when it ends, or it is
 * none; claims of time are numbers; why a token was refused is told to nobody. Keys that cannot be had are a failure of the
 * server, not of the sender.
 */
import { decode, verify } from "hono/jwt";
import { DefinitionError } from "../../core/values/errors.ts";
import { type Authorize, bearer, type Principal } from "./authorize.ts";
import { jwksKeys } from "./jwks.ts";

const SYMMETRIC = ["HS256", "HS384", "HS512"] as const;
const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;
/** Bytes below which a secret can be guessed from one token. */
const SECRET_BYTES_MIN = 32;
/** How far an issuer's clock may be ahead of ours. */
const CLOCK_SKEW_S = 60;

export type JwtClaims = { readonly [claim: string]: unknown };

export type JwtOptions = {
  /** Who must have issued a token: its `iss`. */
  readonly issuer: string;
  /** For whom it must be: its `aud`, or one of them. */
  readonly audience: string;
  /** Who it is: an actor's name, or a principal with claims for `permit`; null for nobody. Default: `sub`. */
  readonly actor?: (claims: JwtClaims) => string | Principal | null;
  /** The token's `typ`, such as `at+jwt`. Default: `JWT`, or none. */
  readonly type?: string;
} & (
  | {
      readonly algorithm: (typeof SYMMETRIC)[number];
      /** At least 32 random bytes that the issuer shares with this server. */ readonly secret: string;
    }
  | {
      readonly algorithm: (typeof ASYMMETRIC)[number];
      /** PEM (`-----BEGIN PUBLIC KEY-----`) or a JWK. */ readonly publicKey: string | JsonWebKey;
    }
  | {
      readonly algorithm: (typeof ASYMMETRIC)[number];
      /** Where the issuer shows its keys. Fetched when needed, kept for ten minutes. */ readonly jwksUri: string;
    }
);

/**
 * Takes `Authorization: Bearer <JWT>`. A socket ends with the token that opened it.
 *
 * @example
 * serve({ domain, store, authorize: jwt({ algorithm: "ES256", jwksUri: "https://id.example/jwks.json", issuer: "https://id.example/", audience: "board" }) });
 */
export function jwt(options: JwtOptions): Authorize {
  const keyFor = keysOf(checked(options));
  const {
    algorithm: alg,
    issuer: iss,
    audience: aud,
    actor = ({ sub }: JwtClaims) => (typeof sub === "string" ? sub : null),
    type: typ,
  } = options;
  return bearer({
    verify: async (token) => {
      const parts = partsOf(token);
      if (!parts || parts.header["alg"] !== alg) return null;
      const key = await keyFor(parts.header["kid"]);
      if (!key) return null;
      let claims: JwtClaims;
      try {
        // Times are ours to check: an issuer's clock may be a little ahead, and `exp` must be there.
        claims = await verify(token, key, { alg, iss, aud, nbf: false, iat: false, ...(typ !== undefined && { typ }) });
      } catch (error) {
        if (error instanceof Error && error.name.startsWith("Jwt")) return null;
        throw new Error(`The key for ${alg} tokens cannot be used`, { cause: error });
      }
      const { exp, nbf, iat } = claims;
      if (!isTime(exp) || exp * 1000 <= Date.now() || !isPast(nbf) || !isPast(iat)) return null;
      const who = actor(claims);
      const principal = typeof who === "string" ? { actor: who } : who;
      return principal && { ...principal, expiresAt: Math.min(exp * 1000, principal.expiresAt ?? Infinity) };
    },
  });
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** Not told, or a time that has come. */
function isPast(value: unknown): boolean {
  return value === undefined || (isTime(value) && value <= Date.now() / 1000 + CLOCK_SKEW_S);
}

function partsOf(token: string): { readonly header: JwtClaims } | null {
  try {
    const { header, payload }: { readonly header: unknown; readonly payload: unknown } = decode(token);
    return isObject(header) && isObject(payload) ? { header } : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is JwtClaims {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function keysOf(options: JwtOptions): (kid: unknown) => Promise<JsonWebKey | string | null> {
  if ("jwksUri" in options) return jwksKeys(options.jwksUri, options.algorithm);
  const key = "secret" in options ? options.secret : options.publicKey;
  return () => Promise.resolve(key);
}

/** The same options, or an error when the server starts: with a wrong one of these, forged tokens could pass. */
function checked(options: JwtOptions): JwtOptions {
  const { algorithm, issuer, audience } = options;
  const wrong = (message: string, fix: string) => new DefinitionError({ message: `jwt(): ${message}`, fix });
  const symmetric = SYMMETRIC.some((one) => one === algorithm);
  if (!symmetric && !ASYMMETRIC.some((one) => one === algorithm))
    throw wrong(
      `${String(algorithm)} is no algorithm of signatures`,
      "Name the one that your issuer signs with, such as ES256.",
    );
  if (symmetric !== "secret" in options)
    throw wrong(
      `${algorithm} does not go with this key`,
      "Give HS… a `secret`, all others a `publicKey` or a `jwksUri`: a public key taken for a secret is known to everyone.",
    );
  if (!isName(issuer) || !isName(audience))
    throw wrong(
      "issuer and audience are missing",
      "Name who issues the tokens, and for whom: a token made for another service must not work here.",
    );
  if ("secret" in options) {
    const { secret } = options;
    if (
      typeof secret !== "string" ||
      secret.includes("-----BEGIN") ||
      new TextEncoder().encode(secret).byteLength < SECRET_BYTES_MIN
    ) {
      throw wrong(
        "this secret can be guessed",
        `Take at least ${SECRET_BYTES_MIN} random bytes, such as from \`openssl rand -base64 32\`.`,
      );
    }
  } else if ("publicKey" in options) {
    const { publicKey } = options;
    const isPublic =
      typeof publicKey === "string"
        ? publicKey.includes("-----BEGIN PUBLIC KEY-----")
        : isObject(publicKey) &&
          typeof publicKey.kty === "string" &&
          publicKey.kty !== "oct" &&
          publicKey.d === undefined;
    if (!isPublic)
      throw wrong(
        "`publicKey` is none",
        "Give a PEM that begins with -----BEGIN PUBLIC KEY-----, or a public JWK. The private one stays with the issuer.",
      );
  } else {
    const url = URL.parse(options.jwksUri);
    const isLocal = url?.hostname === "localhost" || url?.hostname === "127.0.0.1";
    if (!url || (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)))
      throw wrong("`jwksUri` is no https address", "Give the address where your issuer shows its keys.");
  }
  return options;
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value.length > 0;
}
