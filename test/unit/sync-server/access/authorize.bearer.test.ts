// Bearer tokens: neither the time nor the response reveals how much of a guess was right.
import { afterEach, expect, test, vi } from "vitest";
import { bearer, sameBytes } from "../../../../src/sync-server/access/authorize.ts";

afterEach(() => void vi.restoreAllMocks());

const request = (token: string) => new Request("http://localhost/", { headers: { authorization: `Bearer ${token}` } });

test("bearer: refuses a part of a token, a longer token and any other wrong token", async () => {
  const authorize = bearer({ tokens: { "secret-of-ada": "ada", "secret-of-bob-which-is-longer": "bob" } });
  for (const token of [
    "s",
    "secret-of-ad",
    "secret-of-adaa",
    "Secret-of-ada",
    "secret-of-bob",
    "x".repeat(8_192),
    "__proto__",
    "constructor",
  ])
    expect(await authorize(request(token)), token).toBeNull();
  expect(await authorize(request("secret-of-ada"))).toEqual({ actor: "ada" });
  expect(await authorize(request("secret-of-bob-which-is-longer"))).toEqual({ actor: "bob" });
});

test("bearer: compares the digest of a token with the digests of all tokens", async () => {
  const digest = vi.spyOn(crypto.subtle, "digest");
  const authorize = bearer({ tokens: { first: "ada", second: "bob", third: "eve" } });
  await authorize(request("none"));
  expect(digest.mock.calls.map(([algorithm]) => algorithm)).toEqual(["SHA-256", "SHA-256", "SHA-256", "SHA-256"]);
  const hashes = digest.mock.settledResults.map((result) => (result.type === "fulfilled" ? result.value : null));
  expect(hashes.map((hash) => hash?.byteLength)).toEqual([32, 32, 32, 32]);
  digest.mockClear();
  for (const guess of ["first", "third", "none", "x".repeat(5_000)]) await authorize(request(guess));
  expect(digest).toHaveBeenCalledTimes(4);
});

test("sameBytes: reads every byte, wherever the first difference is", () => {
  const readsAt = (other: Uint8Array): number => {
    let reads = 0;
    const watched = new Proxy(other, {
      get(bytes, name) {
        if (typeof name === "string" && /^[0-9]+$/.test(name)) reads++;
        const value: unknown = Reflect.get(bytes, name, bytes);
        return value;
      },
    });
    sameBytes(new Uint8Array(32), watched);
    return reads;
  };
  expect(
    [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31)), Uint8Array.of(...new Uint8Array(31), 1)].map(readsAt),
  ).toEqual([32, 32, 32]);
  expect(sameBytes(new Uint8Array(32), new Uint8Array(32))).toBe(true);
  for (const other of [
    Uint8Array.of(1, ...new Uint8Array(31)),
    Uint8Array.of(...new Uint8Array(31), 1),
    new Uint8Array(31),
    new Uint8Array(33),
    new Uint8Array(0),
  ])
    expect(sameBytes(new Uint8Array(32), other)).toBe(false);
});
