// The rights of a push: the requests to `permit`, their order, and what the answers do.
import { expect, test } from "vitest";
import type { PermitRequest } from "../../../../src/sync-server/access/authorize.ts";
import { DacapoError } from "../../../../src/core/values/errors.ts";
import { task } from "../../../support/board-domain.ts";
import { commitOf, kindsOf, outcomesOf, writerScene } from "../../../support/writer-scene.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const complete = (id: string) => task.command.complete(id);
/** Answers that mean the same: at once and later. */
const answers = [
  ["at once", (answer: boolean) => answer],
  ["later", (answer: boolean) => Promise.resolve(answer)],
] as const;

test("permit: gets each command before the decision, and each command with events after it", async () => {
  const asked: PermitRequest[] = [];
  const { push } = writerScene({ permit: (_, request) => (asked.push(request), true) });
  await push([commitOf([add("t1"), complete("t2")])]);
  const place = { log: "board", stream: "task/t1", command: "add" };
  const data = { title: "Milk", column: "todo" };
  expect(asked).toEqual([
    { action: "write", ...place, input: data },
    { action: "write", log: "board", stream: "task/t2", command: "complete" },
    { action: "record", ...place, events: [{ type: "TaskAdded", data }] },
  ]);
});

for (const [when, answer] of answers)
  for (const action of ["write", "record"] as const)
    test(`permit: a refusal of "${action}" that comes ${when} rejects the commit by its first command`, async () => {
      const { push, errors } = writerScene({
        permit: (_, request) =>
          answer(request.action !== action || !("stream" in request) || !request.stream.startsWith("task/no")),
      });
      const commits = [[add("no1")], [add("a"), add("no2"), add("no3")], [add("b")]].map((one) => commitOf(one));
      const outcomes = outcomesOf(await push(commits));
      expect(outcomes).toMatchObject([
        { outcome: "rejected", code: "forbidden", command: 0 },
        { outcome: "rejected", code: "forbidden", command: 1 },
        { outcome: "recorded" },
      ]);
      expect(errors).toEqual([]);
    });

test("permit: a refusal that comes later counts among answers that come at once", async () => {
  const { push } = writerScene({
    permit: (_, request) =>
      request.action === "write" && request.stream === "task/no" ? Promise.resolve(false) : true,
  });
  for (const commands of [
    [add("a"), add("no")],
    [add("no"), add("a")],
  ])
    expect(kindsOf(await push([commitOf(commands)]))).toEqual(["forbidden"]);
});

test("permit: a function that returns nothing refuses", async () => {
  // @ts-expect-error a permit without a return
  const { push } = writerScene({ permit: () => {} });
  expect(kindsOf(await push([commitOf([add("t1")])]))).toEqual(["forbidden"]);
});

test("permit: gets no commit of the server's own code", async () => {
  const { push } = writerScene({ permit: () => false });
  expect(kindsOf(await push([commitOf([add("t1")])], { isTrusted: true }))).toEqual(["recorded"]);
  expect(kindsOf(await push([commitOf([add("t2")])], { isTrusted: false }))).toEqual(["forbidden"]);
});

test.each([["throws"], ["rejects"]])("permit: if it %s, the operator learns the command and the cause", async (how) => {
  for (const cause of [new Error("no directory"), undefined]) {
    const { push, errors, appends } = writerScene({
      permit: () => {
        if (how === "throws") throw cause;
        return Promise.reject(cause);
      },
    });
    const commit = commitOf([add("t1")]);
    expect(await push([commit])).toEqual({ kind: "refused", code: "unavailable" });
    const [error] = errors;
    expect(error).toBeInstanceOf(DacapoError);
    expect(error).toMatchObject({
      code: "unexpected",
      details: { log: "board", commit: commit.id, action: "write", stream: "task/t1", command: "add" },
    });
    expect(error instanceof Error && error.cause).toBe(cause ?? undefined);
    expect([errors.length, appends.length]).toEqual([1, 0]);
  }
});
