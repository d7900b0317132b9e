// Two authors at once: the outcome of the second commit, end to end through the server.
import { expect, test } from "vitest";
import type { CommandRequest } from "../../../../src/core/domain/definition.ts";
import { column, task } from "../../../support/board-domain.ts";
import { type Person, person, testServer } from "../../../support/sync-requests.ts";
import { containing } from "../../../support/matchers.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const seen = (version: number, command: CommandRequest) => ({ ...command, seen: version });
const typesOf = (
  records: readonly { readonly events: readonly { readonly type: string; readonly data: unknown }[] }[],
) => records.flatMap(({ events }) => events.map(({ type }) => type));

async function board(): Promise<{ ada: Person; bob: Person }> {
  const server = testServer();
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  await ada.push([
    ada.commit(column.command.add("todo", { name: "To do" }), column.command.add("done", { name: "Done" }), add("t1")),
  ]);
  return { ada, bob };
}

test("rebase: decides the command again on the newer events", async () => {
  const { ada, bob } = await board();
  await ada.push([ada.commit(seen(1, task.command.complete("t1")))]);
  // The task is completed already, so there is nothing to record.
  expect(await bob.outcomes(bob.commit(seen(1, task.command.complete("t1"))))).toMatchObject([{ outcome: "empty" }]);
});

test("keep: records the decision on the state that the author saw", async () => {
  const { ada, bob } = await board();
  await ada.push([ada.commit(seen(1, task.command.complete("t1")))]);
  const { records, outcomes } = await bob.push([bob.commit(seen(1, task.command.note("t1", { text: "hm" })))]);
  expect(outcomes).toMatchObject([{ outcome: "recorded" }]);
  expect(records.at(-1)?.events).toMatchObject([{ type: "TaskNoted", version: 3, data: { text: "hm" } }]);
});

test("keep: the author's own later events count as seen", async () => {
  const { ada, bob } = await board();
  // Bob made both commits offline and pushes them apart. Ada commits in between.
  await bob.push([bob.commit({ ...add("b1"), seen: 0 })]);
  await ada.push([ada.commit(seen(1, task.command.note("b1", { text: "hers" })))]);
  // Bob has seen only his own events of b1. Decided on them, the note is accepted.
  expect(await bob.outcomes(bob.commit({ ...task.command.note("b1", { text: "his" }), seen: 0 }))).toMatchObject([
    { outcome: "recorded" },
  ]);
});

test("reject: rejects the commit, with the newer events of other authors", async () => {
  const { ada, bob } = await board();
  await ada.push([ada.commit(seen(1, task.command.complete("t1")))]);
  const [outcome] = await bob.outcomes(bob.commit(seen(1, task.command.claim("t1", { title: "Mine" }))));
  expect(outcome).toMatchObject({
    outcome: "rejected",
    code: "conflict",
    theirs: [{ type: "TaskCompleted", stream: "task/t1", version: 2, actor: "ada" }],
  });
});

test("reject: events of the same device are no conflict, those of another device are", async () => {
  const { ada } = await board();
  const claim = (title: string) => ada.commit(seen(1, task.command.claim("t1", { title })));
  expect(await ada.outcomes(claim("one"), claim("two"), claim("three"))).toMatchObject([
    { outcome: "recorded" },
    { outcome: "recorded" },
    { outcome: "recorded" },
  ]);
  expect(await ada.outcomes({ ...claim("four"), client: crypto.randomUUID() })).toMatchObject([{ code: "conflict" }]);
});

test("merge: the domain receives both sides and decides", async () => {
  const { ada, bob } = await board();
  await ada.push([ada.commit(seen(1, task.command.note("t1", { text: "harmless" })))]);
  expect(await bob.outcomes(bob.commit(seen(1, task.command.rename("t1", { title: "Oat milk" }))))).toMatchObject([
    { outcome: "recorded" },
  ]);
  expect(await ada.outcomes(ada.commit(seen(2, task.command.rename("t1", { title: "Soy milk" }))))).toMatchObject([
    { code: "renamed-meanwhile", theirs: [{ type: "TaskRenamed" }] },
  ]);
});

test("settleCommit: rejects a move if the column that was read was removed since", async () => {
  const { ada, bob } = await board();
  await ada.push([ada.commit(seen(1, column.command.remove("done")))]);
  const move = { ...seen(1, task.command.move("t1", { column: "done" })), reads: [{ stream: "column/done", seen: 1 }] };
  const [outcome] = await bob.outcomes(bob.commit(move));
  expect(outcome).toMatchObject({ code: "no-such-column", theirs: [{ type: "ColumnRemoved" }] });
});

test("settleCommit: checks a stream that the command reads but the author did not name", async () => {
  const { bob } = await board();
  expect(await bob.outcomes(bob.commit(seen(1, task.command.move("t1", { column: "nowhere" }))))).toMatchObject([
    { code: "no-such-column" },
  ]);
  const { records } = await bob.push([bob.commit(seen(1, task.command.move("t1", { column: "done" })))]);
  expect(typesOf(records).at(-1)).toBe("TaskMoved");
});

test("settleCommit: a commit of several commands is recorded or rejected as a whole", async () => {
  const { ada } = await board();
  const { outcomes, head } = await ada.push([
    ada.commit(add("t2"), add("t3"), task.command.rename("nothing", { title: "x" })),
  ]);
  expect(outcomes).toMatchObject([{ outcome: "rejected", command: 2, code: "no-such-task" }]);
  expect(head).toBe(3);
});

test("settleCommit: commits of one batch are decided on each other, across senders", async () => {
  const { ada, bob } = await board();
  const [hers, his] = await Promise.all([
    ada.push([ada.commit(seen(1, task.command.claim("t1", { title: "Hers" })))]),
    bob.push([bob.commit(seen(1, task.command.claim("t1", { title: "His" })))]),
  ]);
  const outcomes = [...hers.outcomes, ...his.outcomes];
  expect(outcomes.filter(({ outcome }) => outcome === "recorded")).toHaveLength(1);
  expect(outcomes.find(({ outcome }) => outcome === "rejected")).toMatchObject({
    code: "conflict",
    theirs: [{ type: "TaskRenamed" }],
  });
});

test("settleCommit: finds a conflict in a stream of many authors and many pages", async () => {
  const { ada, bob } = await board();
  const others = Array.from({ length: 60 }, (_, n) => ({
    ...ada.commit(seen(1, task.command.note("t1", { text: `${n}` }))),
    client: crypto.randomUUID(),
  }));
  await ada.push(others);
  const [outcome] = await bob.outcomes(bob.commit(seen(1, task.command.claim("t1", { title: "Mine" }))));
  // The outcome contains the last twenty of them.
  expect(outcome).toMatchObject({
    code: "conflict",
    message: containing("60 event"),
    theirs: Array.from({ length: 20 }, (_, n) => ({ version: n + 42 })),
  });
  expect(await bob.outcomes(bob.commit(seen(61, task.command.claim("t1", { title: "Mine" }))))).toMatchObject([
    { outcome: "recorded" },
  ]);
});
