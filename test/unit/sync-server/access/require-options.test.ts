// What JavaScript users leave out, told when the server is made: it would start, and answer each request that it failed.
import { describe, expect, test } from "vitest";
import { serve } from "../../../../src/sync-server/node.ts";
import { bearer, syncServer, type BearerOptions, type SyncServerOptions } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain } from "../../../support/board-domain.ts";

const options = (): SyncServerOptions => ({ domain, store: memory(), authorize: () => ({ actor: "ada" }) });

describe.each([
  ["domain", "defineDomain", [undefined, null, {}, "board"]],
  ["store", "sqlite(", [undefined, null, {}, "logs.db"]],
  ["authorize", "bearer(", [undefined, null, {}, "adas-secret"]],
] as const)("a server without `%s`", (name, fix, wrongs) => {
  const told = {
    code: "definition",
    message: expect.stringContaining(`\`${name}\``),
    fix: expect.stringContaining(fix),
    details: { option: name },
  };

  test("is not made: the error names the option, and what to give", () => {
    for (const wrong of wrongs)
      expect(() => syncServer({ ...options(), [name]: wrong }), JSON.stringify(wrong)).toThrow(
        expect.objectContaining(told),
      );
  });

  test("does not listen and gives no address", async () => {
    for (const wrong of wrongs)
      await expect(
        serve({ ...options(), [name]: wrong, port: 0, hostname: "127.0.0.1" }),
        JSON.stringify(wrong),
      ).rejects.toMatchObject(told);
  });
});

test("a server with all three is made", async () => {
  await syncServer(options()).close();
});

// What the types refuse.
const made = (wrong: unknown) => () => bearer(wrong as BearerOptions);
const told = (message: string) =>
  expect.objectContaining({
    code: "definition",
    message: expect.stringContaining(message),
    fix: expect.stringContaining("tokens: {"),
  });

test("bearer without `tokens` or `verify` says which are missing and shows how a table is given", () => {
  for (const wrong of [
    { ada: "x" },
    {},
    undefined,
    null,
    "adas-secret",
    { tokens: undefined },
    { tokens: "adas-secret" },
    { verify: undefined },
  ])
    expect(made(wrong), JSON.stringify(wrong)).toThrow(told("neither"));
});

test("a list of tokens is refused: whoever sends the number of a place in it would be let in", () => {
  expect(made({ tokens: ["adas-secret"] })).toThrow(told("neither"));
});

test("bearer with an empty table says that it lets nobody in", () => {
  expect(made({ tokens: {} })).toThrow(told("every request would be refused"));
});

test("a secret that was not set in the environment is no token", () => {
  expect(made({ tokens: { [String(process.env["NOT_SET_ANYWHERE"])]: "ada" } })).toThrow(told("not set"));
  expect(made({ tokens: { "": "ada" } })).toThrow(told("not set"));
});

test("a `verify` that a class brings is asked", async () => {
  class Verifier {
    verify(token: string) {
      return { actor: token };
    }
  }
  expect(
    await bearer(new Verifier())(new Request("http://localhost/", { headers: { authorization: "Bearer ada" } })),
  ).toEqual({ actor: "ada" });
});
