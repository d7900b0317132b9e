import { expect, test } from "vitest";
import { executeCalls } from "../../../../src/client/page/execute-calls.ts";
import { LogClosedError, RejectedError } from "../../../../src/core/values/errors.ts";
import { toPlainError } from "../../../../src/core/values/plain-error.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

const request = (title: string) => ({ stream: "task/t1", name: "rename", v: 1, input: { title } });

function line() {
  const posted: string[] = [];
  return { posted, calls: executeCalls((text) => posted.push(text)) };
}

test("executeCalls: the calls of one turn leave in one message, in their order", async () => {
  const { posted, calls } = line();
  const all = Promise.all(["a", "b", "c"].map((title) => calls.execute([request(title)], null, null)));
  expect(posted).toEqual([]);
  await Promise.resolve();
  expect(posted.map((text) => parseOwnJson<unknown>(text))).toEqual([
    ["a", "b", "c"].map((title, index) => ({
      call: index + 1,
      requests: [request(title)],
      meta: null,
      endRejection: null,
    })),
  ]);
  calls.settle([{ call: 2, answer: { ok: true, value: { commit: "two" } } }]);
  calls.settle([
    { call: 1, answer: { ok: true, value: { commit: "one" } } },
    { call: 3, answer: { ok: true, value: { commit: "three" } } },
  ]);
  expect(await all).toEqual(["one", "two", "three"]);
});

test("executeCalls: each call settles by its own answer, and a second answer changes nothing", async () => {
  const { calls } = line();
  const good = calls.execute([request("a")], null, null);
  const bad = calls.execute([request("b")], null, null);
  const refusal = toPlainError(new RejectedError({ message: "No", fix: "Ask again", details: { code: "no" } }));
  calls.settle([
    { call: 2, answer: { ok: false, error: refusal } },
    { call: 1, answer: { ok: true, value: { commit: "one" } } },
  ]);
  calls.settle([
    { call: 1, answer: { ok: false, error: refusal } },
    { call: 77, answer: { ok: false, error: refusal } },
  ]);
  await expect(bad).rejects.toMatchObject({ code: "rejected", details: { code: "no" } });
  expect(await good).toBe("one");
});

test("executeCalls: sends the request as it was at the call, if the app changes it later", async () => {
  const { posted, calls } = line();
  const changing = request("before");
  void calls.execute([changing], null, null);
  changing.input.title = "after";
  await Promise.resolve();
  expect(parseOwnJson<unknown>(posted[0] ?? "")).toMatchObject([{ requests: [{ input: { title: "before" } }] }]);
});

test("executeCalls: close rejects the calls that have no answer", async () => {
  const { calls } = line();
  const waiting = calls.execute([request("a")], null, null);
  calls.close(new LogClosedError({ message: "Closed", fix: "Open it again." }));
  await expect(waiting).rejects.toMatchObject({ code: "log-closed" });
});
