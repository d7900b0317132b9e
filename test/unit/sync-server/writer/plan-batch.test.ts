// One round of a batch: known ids, cursors of other histories, and pushes that stop before a commit.
import { expect, test, vi } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { task } from "../../../support/board-domain.ts";
import { commitOf, kindsOf, outcomesOf, writerScene } from "../../../support/writer-scene.ts";

let ids = 0;
const add = (id = `t${++ids}`) => commitOf([task.command.add(id, { title: "Milk", column: "todo" })]);
const rename = (id: string) => commitOf([task.command.rename(id, { title: "x" })]);
const note = (id: string, seen: number) => commitOf([{ ...task.command.note(id, { text: "hm" }), seen }]);
const bob = { actor: "bob" };

/** Pushes that the writer settles in one batch, and their results in short. */
async function inOneBatch(
  scene: ReturnType<typeof writerScene>,
  pushes: readonly (() => ReturnType<typeof scene.push>)[],
) {
  const release = scene.hold();
  const waiting = pushes.map((push) => push());
  release();
  return Promise.all(waiting);
}

test("P4 planBatch: an id is one record in a batch, and is taken for another actor", async () => {
  const scene = writerScene();
  const commit = add("t1");
  const results = await inOneBatch(scene, [
    () => scene.push([commit, commit]),
    () => scene.push([{ ...add("t2"), id: commit.id }], bob),
    () => scene.push([commit]),
  ]);
  expect(results.map(kindsOf)).toEqual([["recorded", "recorded"], ["id-taken"], ["recorded"]]);
  const hers = results.filter((_, n) => n !== 1).flatMap(outcomesOf);
  expect(new Set(hers.map((one) => JSON.stringify(one))).size).toBe(1);
  expect(scene.appends.at(-1)).toMatchObject({ records: [{ commit: commit.id }], outcomes: [] });
});

test("P4 planBatch: a commit without a record keeps its outcome, and its id stays free", async () => {
  const scene = writerScene();
  const [refused, empty] = [rename("t1"), commitOf([task.command.complete("t1")])];
  const results = await inOneBatch(scene, [
    () => scene.push([refused, empty, add("t1"), refused, empty]),
    () =>
      scene.push(
        [
          { ...add("t2"), id: refused.id },
          { ...add("t3"), id: empty.id },
        ],
        bob,
      ),
  ]);
  expect(results.map(kindsOf)).toEqual([
    ["no-such-task", "empty", "recorded", "no-such-task", "empty"],
    ["recorded", "recorded"],
  ]);
  expect(scene.appends.at(-1)?.outcomes).toMatchObject([
    { commit: refused.id, actor: "ada", received: scene.clock.now },
    { commit: empty.id, actor: "ada" },
  ]);
});

test("P4 planBatch: a new node knows the records and the outcomes of each actor under an id", async () => {
  const store = memory();
  const before = writerScene({ store });
  const [taken, free] = [add("t1"), rename("nothing")];
  const first = [await before.push([taken, free]), await before.push([{ ...rename("gone"), id: free.id }], bob)];
  const after = writerScene({ store });
  expect(
    kindsOf(
      await after.push(
        [
          { ...add("t2"), id: taken.id },
          { ...add("t3"), id: free.id },
        ],
        { actor: "cleo" },
      ),
    ),
  ).toEqual(["id-taken", "recorded"]);
  const again = [await after.push([taken, free]), await after.push([{ ...rename("gone"), id: free.id }], bob)];
  expect(again.map(outcomesOf)).toEqual(first.map(outcomesOf));
});

test("planBatch: a repeated push reads no stream", async () => {
  const store = memory();
  const commits = [add("t1"), add("t2")];
  await writerScene({ store }).push(commits);
  const after = writerScene({ store });
  const [streams, written] = [vi.spyOn(after.store, "readStream"), vi.spyOn(after.store, "written")];
  expect(kindsOf(await after.push(commits))).toEqual(["recorded", "recorded"]);
  expect([streams.mock.calls, written.mock.calls]).toEqual([[], []]);
});

test("P6 planBatch: a push after a cursor of another history is refused alone", async () => {
  const store = memory();
  const before = writerScene({ store });
  await before.push([add()]);
  const first = await before.head();
  await before.push([add()]);
  const head = await before.head();
  if (!first || !head) throw new Error("The log has no record");
  const wrong: readonly Cursor[] = [
    { ...first, mark: "00000000000000ff" },
    { ...head, position: 3 },
  ];
  // The node that wrote the records, and a node that knows nothing of them.
  for (const scene of [before, writerScene({ store })]) {
    const reads = vi.spyOn(scene.store, "read");
    const cursors = [null, first, head, ...wrong, first, ...wrong];
    const results = await inOneBatch(
      scene,
      cursors.map((after) => () => scene.push([rename("nothing")], { after })),
    );
    expect(results.map(kindsOf)).toEqual(
      cursors.map((after) => (after && wrong.includes(after) ? "diverged" : ["no-such-task"])),
    );
    // Each cursor that the node does not know costs one read, however many pushes have it.
    expect(reads).toHaveBeenCalledTimes(scene === before ? 2 : 3);
  }
});

test("planBatch: a `permit` that rejects for events fails its push alone, and is reported", async () => {
  const failure = new Error("no database");
  const scene = writerScene({
    permit: ({ actor }, { action }) => (actor === "bob" && action === "record" ? Promise.reject(failure) : true),
  });
  const results = await inOneBatch(scene, [
    () => scene.push([add()]),
    () => scene.push([rename("nothing"), add(), add()], bob),
    () => scene.push([add()]),
  ]);
  expect(results.map(kindsOf)).toEqual([["recorded"], "unavailable", ["recorded"]]);
  expect(scene.errors).toMatchObject([{ details: { log: "board", action: "record", command: "add" }, cause: failure }]);
  // The outcome before the failure is kept, and is sent with the next push.
  expect(scene.appends[0]).toMatchObject({
    records: [{ actor: "ada" }, { actor: "ada" }],
    outcomes: [{ actor: "bob" }],
  });
});

test("planBatch: a store that fails while a commit is decided is reported as it is", async () => {
  const store = memory();
  const before = writerScene({ store });
  await before.push([add("t1"), note("t1", 1)]);
  const scene = writerScene({ store });
  const failure = new Error("the disk is broken");
  const read = scene.store.readStream.bind(scene.store);
  // The state is read from the beginning. Only a conflict reads what came after version 1.
  scene.store.readStream = (log, stream, after, limit) =>
    after === 1 ? Promise.reject(failure) : read(log, stream, after, limit);
  expect(await scene.push([note("t1", 1)], bob)).toEqual({ kind: "refused", code: "unavailable" });
  expect(scene.errors).toEqual([failure]);
});

test("P9 planBatch: a newer command stops its push, and the commits before it are recorded", async () => {
  const scene = writerScene();
  const newer = commitOf([{ stream: "planet/p1", name: "add", v: 1 }]);
  const results = await inOneBatch(scene, [
    () => scene.push([add(), rename("nothing"), newer, add()], { domain: 2 }),
    () => scene.push([newer, add()], bob),
  ]);
  expect(results.map(kindsOf)).toEqual([
    ["recorded", "no-such-task"],
    ["unknown-aggregate", "recorded"],
  ]);
  expect(results).toMatchObject([{ stopped: { id: newer.id, code: "later" } }, { stopped: null }]);
});

test("planBatch: a commit that was refused before has its outcome among the others", async () => {
  const { push } = writerScene();
  const refusal = { code: "invalid-commit", message: "The commit is invalid", path: ["time"] };
  const bad = { id: crypto.randomUUID(), refusal };
  const result = await push([add(), bad, add(), bad]);
  expect(kindsOf(result)).toEqual(["recorded", "invalid-commit", "recorded", "invalid-commit"]);
  expect(outcomesOf(result)[1]).toEqual({ id: bad.id, outcome: "rejected", command: 0, ...refusal });
});

test("planBatch: a push that stops has the outcomes before the stop, and the page of all records", async () => {
  const scene = writerScene();
  const results = await inOneBatch(scene, [() => scene.push([add()]), () => scene.push([add(), add()], bob)]);
  for (const result of results)
    expect(result).toMatchObject({ appended: { after: null, head: { position: 3 }, records: { length: 3 } } });
});

test("P7 planBatch: a push is answered until its outcomes have more than 2 MiB", async () => {
  const { push } = writerScene();
  /** The lengths of the outcomes of 40 conflicts with a note of this many characters. */
  const lengths = async (id: string, characters: number) => {
    await push([add(id), commitOf([task.command.note(id, { text: "x".repeat(characters) })])]);
    const claims = Array.from({ length: 40 }, () => commitOf([{ ...task.command.claim(id, { title: "x" }), seen: 1 }]));
    const result = await push(claims, bob);
    return result.kind === "settled" ? result.outcomes.map(({ length }) => length) : [];
  };
  const sum = (all: readonly number[]) => all.reduce((before, length) => before + length, 0);
  const some = await lengths("some", 60_000);
  expect([sum(some) > 2 * 1024 * 1024, sum(some.slice(1)) <= 2 * 1024 * 1024]).toEqual([true, true]);
  // With 64 KiB each, 32 outcomes have exactly 2 MiB, and one more is sent.
  const [length = 0] = some;
  const exact = await lengths("same", 60_000 + 64 * 1024 - length);
  expect([exact.length, new Set(exact)]).toEqual([33, new Set([64 * 1024])]);
});
