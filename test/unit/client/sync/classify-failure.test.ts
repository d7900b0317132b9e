// After a failure, the loop continues alone, waits for a person, or suspects a commit.
import { describe, expect, test } from "vitest";
import { classifyFailure } from "../../../../src/client/sync/classify-failure.ts";
import { SignInPageError } from "../../../../src/client/sync/sign-in-page.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import {
  DacapoError,
  ForbiddenError,
  ProtocolError,
  StorageFullError,
  UnauthorizedError,
} from "../../../../src/core/values/errors.ts";

const facts = { message: "It failed", fix: "Try" };
const unreachable = (answer: Record<string, string | number> = {}, retryAfterMs: number | null = null) =>
  new UnreachableError("It failed", retryAfterMs, undefined, answer);
const forbidden = (code: string) => new ForbiddenError({ ...facts, details: { code } });

describe("classifyFailure: whether a person must act first", () => {
  test.each([
    ["a server that does not answer", unreachable(), 5, false],
    ["a full disk, because nothing reports that it has space again", new StorageFullError(facts), 5, false],
    ["a gateway's page to sign in", new SignInPageError(200), 5, false],
    ["a first token that the server refuses, because it may have expired", new UnauthorizedError(facts), 0, false],
    ["a second token that the server refuses", new UnauthorizedError(facts), 1, true],
    ["a person without the right", forbidden("forbidden"), 0, true],
    ["an answer that breaks the protocol", new ProtocolError(facts), 0, true],
    ["a push that is too large, which is sent in parts", new ProtocolError(facts, "later"), 0, false],
    ["an error of the app's own function", new TypeError("x is undefined"), 0, true],
  ])("classifyFailure: %s", (_, error, failures, needsFix) => {
    expect(classifyFailure(error, failures).needsFix).toBe(needsFix);
  });
});

describe("classifyFailure: what else the loop learns", () => {
  test("classifyFailure: only the server's own `forbidden` takes the right to read away", () => {
    const revoked = (error: unknown) => classifyFailure(error, 0).isReadRevoked;
    expect(revoked(forbidden("forbidden"))).toBe(true);
    for (const error of [forbidden("actor-mismatch"), new ForbiddenError(facts), unreachable({ code: "forbidden" })])
      expect(revoked(error)).toBe(false);
  });

  test("classifyFailure: returns the wait that the server requested, or null", () => {
    expect(classifyFailure(unreachable({}, 3_000), 0).retryAfterMs).toBe(3_000);
    for (const error of [unreachable(), unreachable({ retryAfterMs: "3000" }), new Error("broken")])
      expect(classifyFailure(error, 0).retryAfterMs).toBe(null);
  });

  test("classifyFailure: warns of a full disk at once, and of other causes at the second time", () => {
    const warning = (error: unknown, failures: number) => classifyFailure(error, failures).warning?.code ?? null;
    expect(warning(new StorageFullError(facts), 0)).toBe("storage-full");
    expect([0, 1].map((failures) => warning(new SignInPageError(200), failures))).toEqual([null, "unauthorized"]);
    const ofApp = new DacapoError("unexpected", "later", facts);
    expect([0, 1].map((failures) => warning(ofApp, failures))).toEqual([null, "unexpected"]);
    for (const error of [unreachable(), new UnauthorizedError(facts)]) expect(warning(error, 3)).toBe(null);
  });

  test("classifyFailure: suspects a commit unless the server says that it is busy or stops", () => {
    const isSuspicious = (error: unknown) => classifyFailure(error, 0).isSuspicious;
    for (const error of [unreachable(), unreachable({ code: "internal" }), new SignInPageError(302)])
      expect(isSuspicious(error)).toBe(true);
    for (const code of ["rate-limited", "overloaded", "restarting", "storage-full"])
      expect(isSuspicious(unreachable({ code }))).toBe(false);
    for (const error of [new StorageFullError(facts), forbidden("forbidden"), new UnauthorizedError(facts)])
      expect(isSuspicious(error)).toBe(false);
  });
});
