/**
 * `authorize` by JSON Web Tokens, verified by Hono's helpers.
 *
 * The package carries its own copy of these helpers, because the app's Hono may be older and check less: before 4.13.19
 * it ignores the required `typ`.
 *
 * Guarantees (jwt.test.ts):
 * - Only tokens signed with the configured algorithm are accepted.
 * - A token must have the configured issuer and audience, and an expiry. `exp`, `nbf` and `iat` must be numbers.
 * - The response does not say why a token was refused.
 * - Until the keys were fetched once, the server answers 503 if the fetch fails, because the sender did nothing wrong.
 *   After that, a token with an unknown key gets 401.
 */
// Not `hono/jwt`, because it contains a middleware too. The build copies this module into the package.
import { decode, verify } from "hono/utils/jwt/jwt";
import { DefinitionError } from "../../core/values/errors.ts";
import { type OptionNames, requireKnownOptions } from "../../core/values/known-options.ts";
import { type Authorize, bearer, type Principal } from "./authorize.ts";
import { jwksKeys } from "./jwks.ts";

const SYMMETRIC = ["HS256", "HS384", "HS512"] as const;
const ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;
/** Bytes of a secret. A shorter secret can be guessed from one token. */
const SECRET_BYTES_MIN = 32;
/** Seconds by which the issuer's clock may be ahead of the server's. */
const CLOCK_SKEW_S = 60;

/** The claims of a verified token, such as `sub`. */
export type JwtClaims = { readonly [claim: string]: unknown };

/** Options of `jwt`: one algorithm with its key (`secret`, `publicKey` or `jwksUri`), the issuer and the audience. */
export type JwtOptions = {
  /** The required `iss` of a token. */
  readonly issuer: string;
  /** The required `aud` of a token, or one of its entries. */
  readonly audience: string;
  /**
   * Returns the actor's name, or a principal with claims for `permit`. Null refuses the token.
   *
   * @default the claim `sub`
   */
  readonly actor?: (claims: JwtClaims) => string | Principal | null;
  /**
   * The required `typ` of a token, such as `at+jwt`.
   *
   * @default without this option, `typ` must be `JWT` or missing
   */
  readonly type?: string;
} & (
  | {
      /** The only signature algorithm that is accepted. */
      readonly algorithm: (typeof SYMMETRIC)[number];
      /** At least 32 random bytes that the issuer shares with this server. */
      readonly secret: string;
    }
  | {
      /** The only signature algorithm that is accepted. */
      readonly algorithm: (typeof ASYMMETRIC)[number];
      /** The issuer's public key: a PEM (`-----BEGIN PUBLIC KEY-----`) or a JWK. */
      readonly publicKey: string | JsonWebKey;
    }
  | {
      /** The only signature algorithm that is accepted. */
      readonly algorithm: (typeof ASYMMETRIC)[number];
      /** The https address of the issuer's keys. The server fetches them when needed and keeps them for ten minutes. */
      readonly jwksUri: string;
    }
);

const OPTIONS: OptionNames<JwtOptions> = {
  algorithm: true,
  secret: true,
  publicKey: true,
  jwksUri: true,
  issuer: true,
  audience: true,
  actor: true,
  type: true,
};

/**
 * An `authorize` that verifies `Authorization: Bearer <JWT>`. A socket closes when its token expires, unless the device
 * sent the next one before.
 *
 * @example
 * import { jwt, serve } from "dacapo/node";
 * import { sqlite } from "dacapo/sqlite";
 * const authorize = jwt({
 *   algorithm: "ES256",
 *   jwksUri: "https://id.example/jwks.json",
 *   issuer: "https://id.example/",
 *   audience: "board",
 * });
 * await serve({ domain, store: sqlite("logs.db"), authorize });
 *
 * @throws DefinitionError (`definition`) if an option is not known, or if forged tokens could pass, such as with a
 *   short secret.
 */
export function jwt(options: JwtOptions): Authorize {
  requireKnownOptions("`jwt`", options, OPTIONS);
  requireSafeOptions(options);
  const keyFor = keysOf(options);
  const {
    algorithm: alg,
    issuer: iss,
    audience: aud,
    actor = ({ sub }: JwtClaims) => (typeof sub === "string" ? sub : null),
    type: typ,
  } = options;
  return bearer({
    verify: async (token) => {
      const decoded = headerOf(token);
      if (!decoded || decoded.header["alg"] !== alg) return null;
      const key = await keyFor(decoded.header["kid"]);
      if (!key) return null;
      let claims: JwtClaims;
      try {
        // `nbf` and `iat` are checked below, because the issuer's clock may be ahead. `exp` is checked there too,
        // because Hono accepts a token without one.
        claims = await verify(token, key, { alg, iss, aud, nbf: false, iat: false, ...(typ !== undefined && { typ }) });
      } catch (error) {
        if (error instanceof Error && error.name.startsWith("Jwt")) return null;
        throw new Error(`The key for ${alg} tokens is unusable. Check that it belongs to this algorithm.`, {
          cause: error,
        });
      }
      const { exp, nbf, iat } = claims;
      if (!isTime(exp) || exp * 1000 <= Date.now() || !isMissingOrPast(nbf) || !isMissingOrPast(iat)) return null;
      const who = actor(claims);
      const principal = typeof who === "string" ? { actor: who } : who;
      return principal && { ...principal, expiresAt: Math.min(exp * 1000, principal.expiresAt ?? Infinity) };
    },
  });
}

function isTime(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value) && value > 0;
}

/** True for a missing claim, and for a time in the past or up to a minute ahead. */
function isMissingOrPast(value: unknown): boolean {
  return value === undefined || (isTime(value) && value <= Date.now() / 1000 + CLOCK_SKEW_S);
}

function headerOf(token: string): { readonly header: JwtClaims } | null {
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

/** Checks the options when the server starts, because forged tokens could pass with a wrong one. */
function requireSafeOptions(options: JwtOptions): void {
  const { algorithm, issuer, audience } = options;
  const wrong = (message: string, fix: string) => new DefinitionError({ message: `jwt(): ${message}`, fix });
  const symmetric = SYMMETRIC.some((one) => one === algorithm);
  if (!symmetric && !ASYMMETRIC.some((one) => one === algorithm))
    throw wrong(
      `${String(algorithm)} is not a signature algorithm`,
      "Pass the algorithm that your issuer signs with, such as ES256.",
    );
  if (symmetric !== "secret" in options)
    throw wrong(
      `${algorithm} does not fit this kind of key`,
      "Pass a `secret` for HS…, and a `publicKey` or a `jwksUri` for all others. Never pass a public key as `secret`.",
    );
  if (!isText(issuer) || !isText(audience))
    throw wrong(
      "`issuer` or `audience` is missing",
      "Pass both. Otherwise a token for another service would work here.",
    );
  if ("secret" in options) {
    const { secret } = options;
    if (
      typeof secret !== "string" ||
      secret.includes("-----BEGIN") ||
      new TextEncoder().encode(secret).byteLength < SECRET_BYTES_MIN
    ) {
      throw wrong(
        "the `secret` is too short, or is not a secret",
        `Use at least ${SECRET_BYTES_MIN} random bytes, such as from \`openssl rand -base64 32\`.`,
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
        "the `publicKey` is not a public key",
        "Pass a PEM that begins with -----BEGIN PUBLIC KEY-----, or a public JWK. " +
          "The private key stays with the issuer.",
      );
  } else {
    const url = URL.parse(options.jwksUri);
    const isLocal = url?.hostname === "localhost" || url?.hostname === "127.0.0.1";
    if (!url || (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)))
      throw wrong("the `jwksUri` is not an https address", "Pass the https address of your issuer's keys.");
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string" && value.length > 0;
}
