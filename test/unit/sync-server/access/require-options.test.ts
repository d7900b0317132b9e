// Missing options throw when the server starts. Otherwise it would start and fail each request.
import { describe, expect, test } from "vitest";
import { serve } from "../../../../src/sync-server/node.ts";
import { bearer, syncServer, type BearerOptions, type SyncServerOptions } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain } from "../../../support/board-domain.ts";
import { containing } from "../../../support/matchers.ts";

const options = (): SyncServerOptions => ({ domain, store: memory(), authorize: () => ({ actor: "ada" }) });

describe.each([
  ["domain", "defineDomain", [undefined, null, {}, "board"]],
  ["store", "sqlite(", [undefined, null, {}, "logs.db"]],
  ["authorize", "bearer(", [undefined, null, {}, "adas-secret"]],
] as const)("syncServer and serve without `%s`", (name, fix, wrongs) => {
  const expected = {
    code: "definition",
    message: containing(`\`${name}\``),
    fix: containing(fix),
    details: { option: name },
  };

  test("syncServer: throws an error that names the option and the fix", () => {
    for (const wrong of wrongs)
      expect(() => syncServer({ ...options(), [name]: wrong }), JSON.stringify(wrong)).toThrow(
        expect.objectContaining(expected),
      );
  });

  test("serve: rejects and does not listen", async () => {
    for (const wrong of wrongs)
      await expect(
        serve({ ...options(), [name]: wrong, port: 0, hostname: "127.0.0.1" }),
        JSON.stringify(wrong),
      ).rejects.toMatchObject(expected);
  });
});

test("serve: refuses an option that it does not know, such as a misspelled `permit`", async () => {
  const config = { ...options(), permitt: () => false, port: 0, hostname: "127.0.0.1" };
  await expect(serve(config)).rejects.toMatchObject({
    code: "definition",
    message: "`serve` has no option permitt",
    fix: containing("Its options are domain, authorize, permit, "),
  });
  const unset = { ...options(), permitt: undefined, port: 0, hostname: "127.0.0.1" };
  await expect((await serve(unset)).close()).resolves.toBeUndefined();
});

test("syncServer: accepts domain, store and authorize", async () => {
  await expect(syncServer(options()).close()).resolves.toBeUndefined();
});

test("syncServer: refuses a `ticketSecret` that people can guess, or that is no text", () => {
  for (const ticketSecret of ["", "short", " ".repeat(20), "x".repeat(15), null, 1_234_567_890_123_456])
    expect(() => syncServer({ ...options(), ticketSecret } as SyncServerOptions), String(ticketSecret)).toThrow(
      expect.objectContaining({ code: "definition", details: { option: "ticketSecret" } }),
    );
});

// The types refuse these values.
const made = (wrong: unknown) => () => bearer(wrong as BearerOptions);
const errorWith = (message: string): unknown =>
  expect.objectContaining({
    code: "definition",
    message: containing(message),
    fix: containing("tokens: {"),
  });

test("bearer: without `tokens` and `verify`, the error names both and shows a table", () => {
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
    expect(made(wrong), JSON.stringify(wrong)).toThrow(errorWith("neither"));
});

test("bearer: refuses a list of tokens, because its indexes would be the tokens", () => {
  expect(made({ tokens: ["adas-secret"] })).toThrow(errorWith("neither"));
});

test("bearer: refuses an empty table", () => {
  expect(made({ tokens: {} })).toThrow(errorWith("every request would be refused"));
});

test("bearer: refuses a secret that is not set in the environment", () => {
  expect(made({ tokens: { [String(process.env["NOT_SET_ANYWHERE"])]: "ada" } })).toThrow(errorWith("not set"));
  expect(made({ tokens: { "": "ada" } })).toThrow(errorWith("not set"));
});

test("bearer: calls the `verify` method of a class", async () => {
  class Verifier {
    verify(token: string) {
      return { actor: token };
    }
  }
  expect(
    await bearer(new Verifier())(new Request("http://localhost/", { headers: { authorization: "Bearer ada" } })),
  ).toEqual({ actor: "ada" });
});
