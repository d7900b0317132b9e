import { expect, test } from "vitest";
import { errorResponse } from "../../../../src/sync-server/base/http-refusal.ts";
import { isUnexpected, LogObjects, refusalOf } from "../../../../src/sync-server/hosts/log-objects.ts";
import type { LogStub } from "../../../../src/sync-server/hosts/cloudflare-runtime.ts";

const failure = (fields: object, message = "failure") => Object.assign(new Error(message), fields);

// The fields are those of Cloudflare's page on error handling of Durable Objects.
const failures: readonly (readonly [thrown: unknown, code: string, isUnexpected: boolean])[] = [
  [failure({ overloaded: true, retryable: false }), "overloaded", false],
  [failure({ overloaded: true, retryable: true }), "overloaded", false],
  [failure({ retryable: true }), "restarting", false],
  [failure({ retryable: false, durableObjectReset: true }), "restarting", false],
  [failure({ remote: true }), "unavailable", true],
  [failure({ retryable: "true" }), "unavailable", true],
  [failure({}), "unavailable", true],
  ["a text", "unavailable", true],
  [undefined, "unavailable", true],
];

test.each(failures)("refusalOf: %o is a 503 with Retry-After", async (thrown, code, unexpected) => {
  const response = errorResponse(refusalOf(thrown));
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("1");
  expect(await response.json()).toMatchObject({ error: { code, retry: "later", retryAfterMs: 1_000 } });
  expect(isUnexpected(thrown)).toBe(unexpected);
});

function objectsWith(drop: LogStub["drop"]) {
  const asked: string[] = [];
  const stub: LogStub = {
    fetch: () => Promise.reject(new Error("not called")),
    drop,
    importLog: () => Promise.reject(new Error("not called")),
    call: () => Promise.reject(new Error("not called")),
  };
  const LOGS = {
    getByName: (name: string) => {
      asked.push(name);
      return stub;
    },
  };
  const objects = new LogObjects({ binding: "LOGS", jurisdiction: undefined, locationHint: undefined });
  return { asked, drop: (log: string) => objects.call({ LOGS }, log, (object) => object.drop(log)) };
}

test("call: an object that does not answer is `unreachable`, and the cause says why", async () => {
  const cause = failure({ retryable: true }, "Network connection lost.");
  const { drop } = objectsWith(() => Promise.reject(cause));
  await expect(drop("team-7")).rejects.toMatchObject({
    code: "unreachable",
    retry: "later",
    message: "The object of the log team-7 did not answer a call: Error: Network connection lost.",
    fix: expect.stringContaining("may have succeeded") as string,
    cause,
  });
});

test("call: an object of an older release, which has no such method, says to wait", async () => {
  const cause = new TypeError('The RPC receiver does not implement the method "drop".');
  await expect(objectsWith(() => Promise.reject(cause)).drop("team-7")).rejects.toMatchObject({
    code: "unreachable",
    message: "The object of the log team-7 still runs an older release, which does not know this call",
    fix: expect.stringContaining("in a few minutes") as string,
  });
});

test("call: a code of a later release keeps its code, message and fix", async () => {
  const later = JSON.parse(
    '{"code":"log-frozen","message":"The log is frozen","fix":"Thaw it.","retry":"later","details":{},"more":1}',
  ) as never;
  const { drop } = objectsWith(async () => ({ ok: false, error: later }));
  await expect(drop("team-7")).rejects.toMatchObject({ code: "log-frozen", message: "The log is frozen" });
});

test("call: a name that no log can have reaches no object", async () => {
  const { drop, asked } = objectsWith(async () => ({ ok: true, value: null }));
  for (const name of ["", "-x", "a b", "a/b", "x".repeat(129)])
    await expect(drop(name)).rejects.toMatchObject({ code: "invalid" });
  await drop("team-7");
  expect(asked).toEqual(["team-7"]);
});
