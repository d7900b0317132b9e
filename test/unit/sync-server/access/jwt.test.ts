// JSON Web Tokens of an identity provider: valid tokens, and every kind of forged one.
import { createServer } from "node:http";
import { sign } from "hono/jwt";
import { afterEach, beforeAll, expect, test, vi } from "vitest";
import { jwt, type JwtOptions, type Principal, type SyncServerOptions } from "../../../../src/sync-server/app.ts";
import { until } from "../../../support/device.ts";
import { testServer } from "../../../support/sync-requests.ts";

const secret = "0123456789abcdef0123456789abcdef";
const issuer = "https://id.example/";
const audience = "board";
const now = () => Math.floor(Date.now() / 1000);
const good = () => ({ sub: "ada", iss: issuer, aud: audience, iat: now(), exp: now() + 600 });
const withSecret: JwtOptions = { algorithm: "HS256", secret, issuer, audience };

const ask = (token: string, scheme = "Bearer") =>
  new Request("http://localhost/", { headers: { authorization: `${scheme} ${token}` } });
const lets = async (options: JwtOptions, token: string): Promise<Principal | null> => jwt(options)(ask(token));
const base64Url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

let rsa: CryptoKeyPair;
let publicPem: string;
beforeAll(async () => {
  rsa = await crypto.subtle.generateKey(
    { name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" },
    true,
    ["sign", "verify"],
  );
  const spki = Buffer.from(await crypto.subtle.exportKey("spki", rsa.publicKey)).toString("base64");
  publicPem = `-----BEGIN PUBLIC KEY-----\n${spki.replace(/.{64}/g, "$&\n")}\n-----END PUBLIC KEY-----`;
});
const cleanUp: (() => void)[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const step of cleanUp.splice(0)) step();
});

test("jwt: a valid token admits its subject until the token expires", async () => {
  const claims = good();
  expect(await lets(withSecret, await sign(claims, secret, "HS256"))).toEqual({
    actor: "ada",
    expiresAt: claims.exp * 1000,
  });
  expect(
    await lets(
      { algorithm: "RS256", publicKey: publicPem, issuer, audience },
      await sign(claims, rsa.privateKey, "RS256"),
    ),
  ).toMatchObject({ actor: "ada" });
  expect(await lets(withSecret, await sign({ ...claims, aud: ["other", audience] }, secret, "HS256"))).toMatchObject({
    actor: "ada",
  });
});

test("jwt: `actor` may return a principal, and the token still limits its time", async () => {
  const claims = { ...good(), email: "ada@example.org", team: "7" };
  const token = await sign(claims, secret, "HS256");
  expect(
    await lets({ ...withSecret, actor: ({ email }) => (typeof email === "string" ? email : null) }, token),
  ).toMatchObject({ actor: "ada@example.org" });
  const principal = await lets(
    {
      ...withSecret,
      actor: ({ sub, team }) => ({ actor: String(sub), team: String(team), expiresAt: Date.now() + 10 ** 9 }),
    },
    token,
  );
  expect(principal).toEqual({ actor: "ada", team: "7", expiresAt: claims.exp * 1000 });
  expect(await lets({ ...withSecret, actor: () => null }, token)).toBeNull();
  expect(await lets(withSecret, await sign({ ...claims, sub: 7 }, secret, "HS256"))).toBeNull();
});

test("jwt: refuses a token that is signed with the public key as a secret", async () => {
  const forged = await sign(good(), publicPem, "HS256").catch(async () => {
    // The helper refuses to sign this, so the test signs it by hand as an attacker would.
    const key = await crypto.subtle.importKey(
      "raw",
      new TextEncoder().encode(publicPem),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const body = `${base64Url({ alg: "HS256", typ: "JWT" })}.${base64Url(good())}`;
    return `${body}.${Buffer.from(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(body))).toString("base64url")}`;
  });
  expect(await lets({ algorithm: "RS256", publicKey: publicPem, issuer, audience }, forged)).toBeNull();
  expect(await lets(withSecret, await sign(good(), rsa.privateKey, "RS256"))).toBeNull();
  expect(await lets(withSecret, await sign(good(), secret, "HS512"))).toBeNull();
});

test("jwt: refuses `alg: none` in any spelling, and a missing or changed signature", async () => {
  for (const alg of ["none", "None", "NONE", "", null, ["HS256"], undefined]) {
    for (const signature of ["", "AAAA"])
      expect(
        await lets(withSecret, `${base64Url({ alg, typ: "JWT" })}.${base64Url(good())}.${signature}`),
        String(alg),
      ).toBeNull();
  }
  const token = await sign(good(), secret, "HS256");
  const [header = "", payload = "", signature = ""] = token.split(".");
  const other = base64Url({ ...good(), sub: "bob" });
  for (const forged of [
    `${header}.${payload}.`,
    `${header}.${payload}`,
    `${header}.${other}.${signature}`,
    `${header}.${payload}.${signature.slice(2)}`,
    `${token}.${signature}`,
    "..",
    "a.b.c",
    "",
  ])
    expect(await lets(withSecret, forged), forged).toBeNull();
});

test("jwt: refuses a token whose expiry is missing or not a number", async () => {
  const { exp: _, ...endless } = good();
  expect(await lets(withSecret, await sign(endless, secret, "HS256"))).toBeNull();
  for (const exp of [0, -1, now(), now() - 1, String(now() + 600), null, true, [now() + 600], {}]) {
    const token = `${base64Url({ alg: "HS256", typ: "JWT" })}.${base64Url({ ...endless, exp })}`;
    const key = await crypto.subtle.importKey(
      "raw",
      new TextEncoder().encode(secret),
      { name: "HMAC", hash: "SHA-256" },
      false,
      ["sign"],
    );
    const signed = `${token}.${Buffer.from(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(token))).toString("base64url")}`;
    expect(await lets(withSecret, signed), JSON.stringify(exp)).toBeNull();
  }
});

test("jwt: checks `nbf` and `iat` as numbers, and allows a clock a little ahead", async () => {
  const lets2 = async (claims: Record<string, unknown>) =>
    lets(withSecret, await sign({ ...good(), ...claims }, secret, "HS256"));
  for (const claims of [
    { nbf: now() + 120 },
    { nbf: "0" },
    { nbf: null },
    { iat: now() + 120 },
    { iat: "now" },
    { iat: [] },
  ])
    expect(await lets2(claims), JSON.stringify(claims)).toBeNull();
  for (const claims of [{ nbf: now() - 5 }, { nbf: now() + 20, iat: now() + 20 }])
    expect(await lets2(claims), JSON.stringify(claims)).toMatchObject({ actor: "ada" });
});

test("jwt: refuses a token of another issuer or for another audience", async () => {
  const { iss, aud, ...rest } = good();
  const others: readonly Record<string, unknown>[] = [
    { ...rest, aud },
    { ...rest, iss },
    { ...rest, iss: "https://id.example", aud },
    { ...rest, iss: [iss], aud },
    { ...rest, iss, aud: "boards" },
    { ...rest, iss, aud: [] },
    { ...rest, iss, aud: "" },
    { ...rest, iss, aud: ["other"] },
  ];
  for (const claims of others) {
    expect(await lets(withSecret, await sign({ ...claims }, secret, "HS256")), JSON.stringify(claims)).toBeNull();
  }
});

test("jwt: refuses other auth schemes and a token of another type", async () => {
  const token = await sign(good(), secret, "HS256");
  const authorize = jwt(withSecret);
  for (const scheme of ["Basic", "Token", "JWT", "Digest", "", "BearerX", "Bearer Bearer"])
    expect(await authorize(ask(token, scheme)), scheme).toBeNull();
  expect(await authorize(new Request("http://localhost/", { headers: { authorization: token } }))).toBeNull();
  expect(await authorize(new Request(`http://localhost/?token=${token}`))).toBeNull();
  expect(await authorize(new Request("http://localhost/", { headers: { cookie: `token=${token}` } }))).toBeNull();
  expect(await lets({ ...withSecret, type: "at+jwt" }, token)).toBeNull();
});

test("jwt: throws at the start for options with which forged tokens could pass", () => {
  // A program without types could pass these.
  const wrong: readonly Record<string, unknown>[] = [
    { ...withSecret, algorithm: "none" },
    { ...withSecret, algorithm: undefined },
    { ...withSecret, algorithm: "RS256" },
    { algorithm: "HS256", publicKey: publicPem, issuer, audience },
    { ...withSecret, secret: publicPem },
    { ...withSecret, secret: "hunter2" },
    { ...withSecret, issuer: "" },
    { ...withSecret, audience: undefined },
    { algorithm: "RS256", publicKey: publicPem.replaceAll("PUBLIC", "PRIVATE"), issuer, audience },
    { algorithm: "ES256", publicKey: { kty: "oct", k: "AAAA" }, issuer, audience },
    { algorithm: "ES256", jwksUri: "http://id.example/keys", issuer, audience },
    { algorithm: "ES256", jwksUri: "keys.json", issuer, audience },
    { algorithm: "ES256", jwksUri: "file:///keys", issuer, audience },
  ];
  for (const options of wrong)
    expect(() => jwt(options as JwtOptions), JSON.stringify(options)).toThrow(
      expect.objectContaining({ code: "definition" }),
    );
});

/** An issuer that serves its keys, and counts the requests. */
async function issuerWith(keys: () => unknown) {
  let fetches = 0;
  const server = createServer((_, response) => {
    fetches++;
    void Promise.resolve(keys()).then((body) =>
      response.writeHead(body === null ? 500 : 200, { "content-type": "application/json" }).end(JSON.stringify(body)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUp.push(
    () => server.close(),
    () => server.closeAllConnections(),
  );
  const address = server.address();
  return {
    jwksUri: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/keys`,
    fetches: () => fetches,
  };
}

async function keyPair(kid: string) {
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  return {
    shown: { ...(await crypto.subtle.exportKey("jwk", publicKey)), kid },
    own: { ...(await crypto.subtle.exportKey("jwk", privateKey)), kid, alg: "ES256" },
  };
}

test("jwksKeys: fetches once, again for a new key, and rarely for unknown key ids", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const [first, second, stranger] = [await keyPair("1"), await keyPair("2"), await keyPair("1")];
  let keys: unknown[] = [first.shown];
  const { jwksUri, fetches } = await issuerWith(() => ({ keys }));
  const authorize = jwt({ algorithm: "ES256", jwksUri, issuer, audience });
  const lets2 = async (pair: typeof first) => (await authorize(ask(await sign(good(), pair.own, "ES256"))))?.actor;
  expect(await Promise.all([lets2(first), lets2(first), lets2(first)])).toEqual(["ada", "ada", "ada"]);
  expect(fetches()).toBe(1);
  expect(await lets2(stranger)).toBeUndefined();
  for (let n = 0; n < 20; n++) expect(await lets2(second)).toBeUndefined();
  expect(fetches()).toBe(1);
  keys = [first.shown, second.shown];
  vi.setSystemTime(Date.now() + 31_000);
  expect(await lets2(second)).toBe("ada");
  // The issuer revoked this key.
  keys = [second.shown];
  vi.setSystemTime(Date.now() + 11 * 60_000);
  expect(await lets2(first)).toBeUndefined();
  expect(fetches()).toBe(3);
});

test("jwksKeys: only a token with an unknown key waits for the issuer", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const [known, unknown] = [await keyPair("1"), await keyPair("2")];
  let answer: unknown = { keys: [known.shown] };
  const { jwksUri, fetches } = await issuerWith(() => answer);
  const authorize = jwt({ algorithm: "ES256", jwksUri, issuer, audience });
  const actorOf = async (pair: typeof known) => (await authorize(ask(await sign(good(), pair.own, "ES256"))))?.actor;
  expect(await actorOf(known)).toBe("ada");
  let release: (keys: unknown) => void = () => {};
  answer = new Promise((resolve) => (release = resolve));
  vi.setSystemTime(Date.now() + 31_000);
  const ended: string[] = [];
  const waits = actorOf(unknown).then((actor) => ended.push(`unknown ${actor}`));
  await until(() => fetches() === 2, "the keys are fetched again");
  ended.push(`known ${await actorOf(known)}`);
  release({ keys: [known.shown, unknown.shown] });
  await waits;
  expect(ended).toEqual(["known ada", "unknown ada"]);
});

test("jwksKeys: 503 before the first keys, and known keys stay valid while the issuer is down", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const pair = await keyPair("1");
  let answer: unknown = null;
  const { jwksUri } = await issuerWith(() => answer);
  const reported: unknown[] = [];
  const options: Partial<SyncServerOptions> = {
    authorize: jwt({ algorithm: "ES256", jwksUri, issuer, audience }),
    onError: (error) => reported.push(error),
  };
  const server = testServer(options);
  const status = async () =>
    (
      await server.request("/logs/board", {
        headers: { authorization: `Bearer ${await sign(good(), pair.own, "ES256")}` },
      })
    ).status;
  expect(await status()).toBe(503);
  expect(String(reported)).toContain("cannot be fetched");
  for (answer of [
    {},
    { keys: {} },
    { keys: [{ ...pair.shown, alg: "RS256" }] },
    { keys: [null, { kid: "1" }, { kid: 1, kty: "EC" }] },
  ]) {
    vi.setSystemTime(Date.now() + 31_000);
    expect([401, 503]).toContain(await status());
  }
  vi.setSystemTime(Date.now() + 31_000);
  answer = { keys: [pair.shown, { kty: "oct", kid: "2", k: "AAAA" }] };
  expect(await status()).toBe(200);
  answer = null;
  vi.setSystemTime(Date.now() + 11 * 60_000);
  expect(await status()).toBe(200);
});
