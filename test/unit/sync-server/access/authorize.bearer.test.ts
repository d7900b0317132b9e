// Tokens, compared so that neither time nor an answer tells how much of a guess was right.
import { afterEach, expect, test, vi } from "vitest";
import { bearer, sameBytes } from "../../../../src/sync-server/access/authorize.ts";

afterEach(() => void vi.restoreAllMocks());

const request = (token: string) => new Request("http://localhost/", { headers: { authorization: `Bearer ${token}` } });

test("a token of another length, a part of one and one that goes on behind it are refused like any other, and nothing throws", async () => {
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

test("of a guess its digest is compared, with those of all tokens, whichever of them fits", async () => {
  const digest = vi.spyOn(crypto.subtle, "digest");
  const authorize = bearer({ tokens: { first: "ada", second: "bob", third: "eve" } });
  await authorize(request("none"));
  expect(digest.mock.calls.map(([algorithm]) => algorithm)).toEqual(["SHA-256", "SHA-256", "SHA-256", "SHA-256"]);
  const results = await Promise.all(digest.mock.results.map(({ value }) => value));
  expect(results.map(({ byteLength }: ArrayBuffer) => byteLength)).toEqual([32, 32, 32, 32]);
  digest.mockClear();
  for (const guess of ["first", "third", "none", "x".repeat(5_000)]) await authorize(request(guess));
  expect(digest).toHaveBeenCalledTimes(4);
});

test("comparing looks at every byte, wherever the first one differs", () => {
  const looksAt = (other: Uint8Array): number => {
    let looks = 0;
    const watched = new Proxy(other, {
      get(bytes, name) {
        if (typeof name === "string" && /^[0-9]+$/.test(name)) looks++;
        const value: unknown = Reflect.get(bytes, name, bytes);
        return value;
      },
    });
    sameBytes(new Uint8Array(32), watched);
    return looks;
  };
  expect(
    [new Uint8Array(32), Uint8Array.of(1, ...new Uint8Array(31)), Uint8Array.of(...new Uint8Array(31), 1)].map(looksAt),
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
