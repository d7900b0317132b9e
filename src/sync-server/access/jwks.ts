/**
 * The public keys of an issuer, fetched from where it shows them.
 *
 * Place: `jwt` asks for the key that a token names.
 * Holds: what is fetched is one fixed address, without following it elsewhere; tokens cannot make it fetch at will;
 * keys that were good stay in use while the issuer does not answer. Only keys for the configured algorithm are given.
 */
import { fail, list, parse, type Reader } from "../../core/wire/reader.ts";

/** A public key with its name, as Hono's `verify` takes it. */
export type JwksKey = JsonWebKey & { readonly kid: string };

const KEPT_MS = 10 * 60_000;
/** Someone may send any number of tokens that name keys which do not exist. */
const REFETCH_MS_MIN = 30_000;
/** Without any key nobody can come in. */
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
    // Who has a good key does not wait for what someone without one made us ask.
    if (isDue || find() === null) await fetching;
    if (keys === null) throw new Error(`The keys at ${uri} cannot be had`, { cause: failure });
    return find();
  };
}

async function fetchKeys(uri: string, algorithm: string): Promise<readonly JwksKey[]> {
  const response = await fetch(uri, {
    redirect: "manual",
    signal: AbortSignal.timeout(FETCH_MS_MAX),
    headers: { accept: "application/json" },
  });
  if (response.status !== 200) throw new Error(`The issuer answered ${response.status}`);
  const body: unknown = await response.json();
  const read = parse(keySet, body);
  if (!read.ok) throw new Error(`What the issuer shows are no keys: ${read.problem.reason}`);
  return read.value
    .filter((key) => key !== null)
    .filter(({ alg, use, kty }) => kty !== "oct" && (alg ?? algorithm) === algorithm && (use ?? "sig") === "sig");
}

const text: Reader<string | undefined> = (value, path) =>
  value === undefined || typeof value === "string" ? value : fail(path, "is not a string");

/** Public parts only; a key that is none is passed over. */
const key: Reader<JwksKey | null> = (value, path) => {
  if (typeof value !== "object" || value === null) return null;
  const given = new Map<string, unknown>(Object.entries(value));
  const [kid, kty] = [text(given.get("kid"), path), text(given.get("kty"), path)];
  if (kid === undefined || kty === undefined) return null;
  const taken: JwksKey = { kid, kty };
  for (const name of ["alg", "use", "crv", "x", "y", "n", "e"] as const) {
    const part = text(given.get(name), path);
    if (part !== undefined) taken[name] = part;
  }
  return taken;
};

const keySet: Reader<readonly (JwksKey | null)[]> = (value, path) => {
  if (typeof value !== "object" || value === null || !("keys" in value)) fail(path, "has no `keys`");
  return list(key, KEYS_MAX)(value.keys, path);
};
