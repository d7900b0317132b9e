// A commit has one seen version of each stream, also over several commands and their reads.
import { expect, test } from "vitest";
import { parseCommit } from "../../../../src/core/wire/read-messages.ts";

const command = (stream: string, seen: number, reads: readonly { stream: string; seen: number }[] = []) => ({
  stream,
  seen,
  reads,
  name: "add",
  v: 1,
  input: null,
  events: [],
});
const commit = (...commands: readonly object[]) => ({
  id: "00000000-0000-4000-8000-000000000001",
  client: "00000000-0000-4000-8000-000000000002",
  actor: "ada",
  time: 1,
  meta: null,
  commands,
});

test("parseCommit: accepts several commands of one stream that have the same seen version", () => {
  expect(parseCommit(commit(command("task/a", 3), command("task/a", 3), command("task/b", 1))).ok).toBe(true);
  expect(parseCommit(commit(command("task/a", 3, [{ stream: "task/b", seen: 2 }]), command("task/b", 2))).ok).toBe(
    true,
  );
});

test("parseCommit: refuses two seen versions of one stream", () => {
  const refused = { ok: false, problem: { path: ["commands"], reason: "names two seen versions of task/b" } };
  expect(parseCommit(commit(command("task/b", 0), command("task/b", 3)))).toMatchObject(refused);
  const read = command("task/a", 3, [{ stream: "task/b", seen: 2 }]);
  expect(parseCommit(commit(read, command("task/b", 3)))).toMatchObject(refused);
});
