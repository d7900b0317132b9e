import { expect, test } from "vitest";
import { isExpected } from "../../../../src/core/decide/reconcile-commit.ts";
import { commitOf } from "../../../../src/testing/log-store/fixtures.ts";

const [command = expect.fail("no command")] = commitOf("a").commands;
const drafts = [
  { type: "added", v: 1, data: { title: "Milk" } },
  { type: "renamed", v: 2, data: { title: "Bread" } },
];
const commit = {
  ...commitOf("a"),
  commands: [
    { ...command, events: drafts },
    { ...command, stream: "task/t2", events: drafts.slice(0, 1) },
  ],
};
const recorded = [...drafts, ...drafts.slice(0, 1)].map((event, n) => ({
  ...event,
  stream: n < 2 ? "task/t1" : "task/t2",
  version: n + 4,
}));

test("isExpected: true for the events of all commands in order, whatever their versions are", () => {
  expect(isExpected(commit, recorded)).toBe(true);
  expect(isExpected({ ...commit, commands: [] }, [])).toBe(true);
});

test("isExpected: false if one event is missing, more, moved or changed in one field", () => {
  for (let at = 0; at < recorded.length; at++) {
    const event = recorded[at] ?? expect.fail("no event");
    expect(isExpected(commit, recorded.toSpliced(at, 1))).toBe(false);
    expect(isExpected(commit, recorded.toSpliced(at, 0, event))).toBe(false);
    for (const change of [{ type: "moved" }, { v: 9 }, { stream: "task/t9" }, { data: { title: "Tea" } }])
      expect(isExpected(commit, recorded.with(at, { ...event, ...change })), `${at}`).toBe(false);
  }
  expect(isExpected(commit, recorded.toReversed())).toBe(false);
});
