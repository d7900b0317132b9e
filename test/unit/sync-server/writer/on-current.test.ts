// Commits of the server's own code: decided on the states of now, or refused because of another version.
import { expect, test } from "vitest";
import { aggregate, defineDomain } from "dacapo";
import * as v from "valibot";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { OnCurrent } from "../../../../src/sync-server/writer/on-current.ts";
import { column, task } from "../../../support/board-domain.ts";
import type { Seen } from "../../../support/sync-requests.ts";
import { commitOf, kindsOf, writerScene } from "../../../support/writer-scene.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const note = (id: string) => task.command.note(id, { text: "hm" });

/** A commit of the server's own code. */
function own(commands: readonly Seen[], onCurrent: OnCurrent = {}) {
  const commit = commitOf(commands, { client: crypto.randomUUID(), actor: "~robot" });
  return { id: commit.id, commit, onCurrent };
}
const robot = { actor: "~robot", isTrusted: true };

test("onCurrent: no other author came first, also if the streams have many events", async () => {
  const { push } = writerScene();
  await push([commitOf([add("t1")]), commitOf([note("t1"), note("t1")])]);
  const claim = task.command.claim("t1", { title: "Mine" });
  expect(kindsOf(await push([commitOf([claim])], { actor: "bob" }))).toEqual(["conflict"]);
  expect(kindsOf(await push([own([claim]), own([claim])], robot))).toEqual(["recorded", "recorded"]);
});

test("onCurrent: a stream of another version stops the push, and the answer has the version", async () => {
  const { push, appends } = writerScene();
  await push([commitOf([add("t1")]), commitOf([note("t1")])]);
  const stale = own([note("t1")], { stream: "task/t1", version: 1 });
  expect(await push([own([add("t2")]), stale, own([add("t3")])], robot)).toMatchObject({
    outcomes: { length: 1 },
    stopped: { id: stale.id, code: "other-version", version: 2 },
  });
  expect(appends.at(-1)?.records).toHaveLength(1);
  for (const [commands, onCurrent, expected] of [
    [[note("t1")], { stream: "task/t1", version: 2 }, null],
    [[note("t1")], { stream: "task/t1", version: 2 }, { version: 3 }],
    [[add("new")], { stream: "task/new", version: 1 }, { version: 0 }],
    [[add("new")], { stream: "task/new", version: 0 }, null],
  ] as const)
    expect(await push([own(commands, onCurrent)], robot)).toMatchObject({ stopped: expected });
});

test("onCurrent: the commits before it in one batch count", async () => {
  const { push } = writerScene();
  const result = await push(
    [own([add("t1")], { stream: "task/t1", version: 0 }), own([note("t1")], { stream: "task/t1", version: 1 })],
    robot,
  );
  expect(kindsOf(result)).toEqual(["recorded", "recorded"]);
});

const box = aggregate("box", {
  version: 1,
  initial: 0,
  events: { Filled: v.object({}) },
  evolve: { Filled: (count) => count + 1 },
  commands: {
    fill: {
      input: v.object({ column: v.string() }),
      reads: { target: [column, (input) => input.column] },
      decide: (_, __, { emit, reject, target }) => (target ? emit("Filled", {}) : reject("no-such-column")),
      onConflict: "keep",
    },
  },
});
const boxes = defineDomain({ version: 1, aggregates: [box, column] });

test("onCurrent: a command that keeps its decision reads other streams as they are now", async () => {
  const { push } = writerScene({ domain: boxes.definition });
  await push([commitOf([column.command.add("todo", { name: "To do" })])]);
  const fill = (id: string) => box.command.fill(id, { column: "todo" });
  // A device that did not see the column decides without it.
  expect(kindsOf(await push([commitOf([fill("b1")])], { actor: "bob" }))).toEqual(["no-such-column"]);
  expect(kindsOf(await push([own([fill("b1")])], robot))).toEqual(["recorded"]);
  const unknown = { stream: "box/b1", name: "explode", v: 1 };
  expect(kindsOf(await push([own([unknown])], robot))).toEqual(["unknown-command"]);
});

test("onCurrent: own code has no outcome on a stream that only a newer release can fold", async () => {
  const store = memory();
  const newer = aggregate("box", {
    version: 2,
    initial: 0,
    events: { Sealed: v.object({}) },
    evolve: { Sealed: (count) => count },
    commands: { seal: { input: v.object({}), decide: (_state, _, { emit }) => emit("Sealed") } },
  });
  const there = writerScene({ store, domain: defineDomain({ version: 2, aggregates: [newer] }).definition });
  const here = writerScene({ store, domain: boxes.definition });
  expect(kindsOf(await there.push([own([newer.command.seal("b1", {})])], robot))).toEqual(["recorded"]);
  const fill = () => [box.command.fill("b1", { column: "todo" })];
  expect(kindsOf(await here.push([commitOf(fill())], { actor: "bob", domain: 1 }))).toEqual(["stream-unreadable"]);
  const mine = own(fill());
  expect(await here.push([mine], { ...robot, domain: 1 })).toMatchObject({
    outcomes: [],
    stopped: { id: mine.id, code: "later" },
  });
});
