// A reader refuses each message that the other side must not send.
import { expect, test } from "vitest";
import { parseCommit, parsePushAnswer, parseRecords } from "../../../../src/core/wire/read-messages.ts";
import { LIMITS } from "../../../../src/core/history/limits.ts";
import { commitOf, recordOf } from "../../../../src/testing/log-store/fixtures.ts";

const [command = expect.fail("no command")] = commitOf("a").commands;
const id = commitOf("a").id;
const withCommands = (...commands: readonly object[]) => parseCommit({ ...commitOf("a"), commands });

test("parseCommit: refuses a commit that names two seen versions of one stream", () => {
  const other = { stream: "task/t2", seen: 3 };
  expect(withCommands({ ...command, reads: [other] }, { ...command, ...other }).ok).toBe(true);
  for (const commands of [
    [command, { ...command, seen: 1 }],
    [
      { ...command, reads: [other] },
      { ...command, ...other, seen: 2 },
    ],
    [{ ...command, reads: [other, { ...other, seen: 4 }] }],
    [{ ...command, reads: [{ stream: command.stream, seen: 9 }] }],
  ])
    expect(withCommands(...commands)).toMatchObject({ ok: false, problem: { path: ["commands"] } });
});

test.each([
  ["a number", 7],
  ["a list of a valid id", [id]],
  ["no UUID", "task"],
  ["a UUID in upper case", "00000000-0000-4000-8000-00000000000A"],
])("parseCommit: refuses an id that is %s", (_, wrong) => {
  expect(parseCommit({ ...commitOf("a"), id: wrong })).toMatchObject({ ok: false, problem: { path: ["id"] } });
});

test.each([
  ["a number", 7],
  ["without an id", "task"],
  ["with an empty aggregate", "/t1"],
  ["too long", `task/${"t".repeat(600)}`],
])("parseCommit: refuses a stream that is %s", (_, stream) => {
  const refused = withCommands({ ...command, stream });
  expect(refused).toMatchObject({ ok: false, problem: { path: ["commands", 0, "stream"] } });
});

const outcomeOf = (more: object) => ({ id, outcome: "rejected", command: 0, code: "x", message: "why", ...more });
const answerOf = (...outcomes: readonly object[]) =>
  parsePushAnswer(JSON.stringify({ after: null, records: [], cursor: null, head: 0, more: false, outcomes }));

test("parsePushAnswer: accepts the place of a problem in words and numbers, and nothing else", () => {
  expect(answerOf(outcomeOf({ path: ["lines", 3, "text"] }))).toMatchObject({
    ok: true,
    value: { outcomes: [{ path: ["lines", 3, "text"] }] },
  });
  expect(answerOf(outcomeOf({ path: [true] })).ok).toBe(false);
  expect(answerOf(outcomeOf({ path: ["x".repeat(1025)] })).ok).toBe(false);
});

test("parsePushAnswer: an event of an older server gets the chain from its own id", () => {
  const event = {
    id: `${id}:2`,
    type: "TaskAdded",
    data: {},
    aggregate: "task",
    stream: "task/t1",
    version: 1,
    position: 1,
    time: 1,
    actor: "bob",
    client: id,
    meta: null,
  };
  const chain = commitOf("chain").id;
  const theirs = (more: object) => answerOf(outcomeOf({ theirs: [{ ...event, ...more }] }));
  expect(theirs({})).toMatchObject({ ok: true, value: { outcomes: [{ theirs: [{ correlation: id }] }] } });
  expect(theirs({ correlation: chain })).toMatchObject({
    ok: true,
    value: { outcomes: [{ theirs: [{ correlation: chain }] }] },
  });
});

test("parsePushAnswer: accepts an outcome for each commit of the largest push", () => {
  const outcomes = Array.from({ length: LIMITS.pushCommitsMax }, () => ({ id, outcome: "empty" }));
  expect(answerOf(...outcomes)).toMatchObject({ ok: true });
});

test.each([
  ["position", "1"],
  ["position", 1.5],
  ["mark", "not a mark"],
  ["mark", "m".repeat(65)],
  ["actor", "a".repeat(129)],
  ["actor", "\ud800"],
  ["actor", 7],
])("parseRecords: refuses a record whose %s is %s", (field, wrong) => {
  expect(parseRecords([{ ...recordOf(1, 1, "m1"), [field]: wrong }])).toMatchObject({
    ok: false,
    problem: { path: [0, field] },
  });
});
