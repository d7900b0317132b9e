/**
 * The public keys of an issuer, fetched from its JWKS address.
 *
 * Guarantees (jwt.test.ts):
 * - Only the configured address is fetched, and no redirect is followed.
 * - Tokens with unknown key ids cause at most one fetch in 30 seconds. Before the first success it is one a second.
 * - A token without `kid` is refused and causes no fetch.
 * - Known keys stay in use while the issuer does not answer.
 * - Only keys for the configured algorithm are used.
 */
import { fail, list, parse, type Reader } from "../../core/wire/reader.ts";

/** A public key with its id, in the form that Hono's `verify` accepts. */
export type JwksKey = JsonWebKey & { readonly kid: string };

const KEPT_MS = 10 * 60_000;
/** Milliseconds between fetches for unknown key ids. Without this pause, a sender could cause any number of fetches. */
const REFETCH_MS_MIN = 30_000;
/** Milliseconds between fetches until the first one succeeds. It is short, because every request fails before that. */
const RETRY_MS_MIN = 1_000;
const FETCH_MS_MAX = 4_000;
const KEYS_MAX = 100;

export function jwksKeys(uri: string, algorithm: string): (kid: unknown) => Promise<JwksKey | null> {
  let keys: readonly JwksKey[] | null = null;
  let fetchedAt = -Infinity;
  let fetching: Promise<void> | null = null;

  let failure: unknown = null;
  const refresh = async (): Promise<void> => {
    fetchedAt = Date.now();
    try {
      keys = await fetchKeys(uri, algorithm);
    } catch (error) {
      failure = error;
    }
  };
  return async (kid) => {
    const find = (): JwksKey | null => keys?.find((key) => key.kid === kid) ?? null;
    if (typeof kid !== "string") return null;
    const age = Date.now() - fetchedAt;
    const isDue = age >= (keys === null ? RETRY_MS_MIN : find() === null ? REFETCH_MS_MIN : KEPT_MS);
    if (isDue) fetching ??= refresh().finally(() => (fetching = null));
    // A known key is used at once, even if a fetch for an unknown key is running.
    if (isDue || find() === null) await fetching;
    if (keys === null)
      throw new Error(`The keys at ${uri} cannot be fetched. Check the address and the issuer.`, { cause: failure });
    return find();
  };
}

async function fetchKeys(uri: string, algorithm: string): Promise<readonly JwksKey[]> {
  const response = await fetch(uri, {
    redirect: "manual",
    signal: AbortSignal.timeout(FETCH_MS_MAX),
    headers: { accept: "application/json" },
  });
  if (response.status !== 200) throw new Error(`The issuer answered with status ${response.status}, not 200`);
  const body: unknown = await response.json();
  const read = parse(keySet, body);
  if (!read.ok) throw new Error(`The issuer's response is not a set of keys: ${read.problem.reason}`);
  return read.value
    .filter((key) => key !== null)
    .filter(({ alg, use, kty }) => kty !== "oct" && (alg ?? algorithm) === algorithm && (use ?? "sig") === "sig");
}

const text: Reader<string | undefined> = (value, path) =>
  value === undefined || typeof value === "string" ? value : fail(path, "is not a string");

/** Reads the public fields of a key. Returns null for an entry that is not a key. */
const key: Reader<JwksKey | null> = (value, path) => {
  if (typeof value !== "object" || value === null) return null;
  const fields = new Map<string, unknown>(Object.entries(value));
  const [kid, kty] = [text(fields.get("kid"), path), text(fields.get("kty"), path)];
  if (kid === undefined || kty === undefined) return null;
  const publicKey: JwksKey = { kid, kty };
  for (const name of ["alg", "use", "crv", "x", "y", "n", "e"] as const) {
    const field = text(fields.get(name), path);
    if (field !== undefined) publicKey[name] = field;
  }
  return publicKey;
};

const keySet: Reader<readonly (JwksKey | null)[]> = (value, path) => {
  if (typeof value !== "object" || value === null || !("keys" in value)) fail(path, "has no `keys`");
  return list(key, KEYS_MAX)(value.keys, path);
};
