// The bound on the stored events that one push may make the server read.
import { expect, test } from "vitest";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { batch, commitId } from "../../../../src/testing/event-store/samples.ts";
import { column, task } from "../../../support/board-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const EVENTS_OF_A_RECORD = 20_000;

/** A store whose stream "task/long" has so many records of Bob. */
async function longStore(records: number) {
  const store = memory();
  let head: Cursor | null = null;
  for (let n = 1; n <= records; n++) {
    const position: number = (head?.position ?? 0) + 1;
    const events = Array.from({ length: EVENTS_OF_A_RECORD }, (_, k) => {
      const version = position + k;
      const data = version === 1 ? { title: "Milk", column: "todo" } : { text: "note" };
      return { type: version === 1 ? "TaskAdded" : "TaskNoted", v: 1, stream: "task/long", version, data };
    });
    const cursor: Cursor = { position: position + EVENTS_OF_A_RECORD - 1, mark: `m${n}` };
    const record = { position, mark: cursor.mark, commit: commitId(n), client: commitId(99), actor: "bob", meta: null };
    const text = JSON.stringify({ ...record, time: 1, received: 1, events });
    const streams = [{ stream: "task/long", first: position, last: cursor.position }];
    const stored = { position, cursor, commit: record.commit, actor: "bob", streams, text };
    expect(await store.append("board", batch(head, { records: [stored] }))).toEqual({ kind: "ok" });
    head = cursor;
  }
  return store;
}

test("P7 push: the first commit of each push gets its outcome, however much another push reads", async () => {
  // More events than the server reads for one push.
  const server = testServer({ store: await longStore(6) });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  // The first push makes the other two wait, so that the server settles them in one batch.
  const pushes = [
    bob.push([bob.commit(column.command.add("todo", { name: "To do" }))]),
    ada.push([
      ada.commit(task.command.claim("long", { title: "Bread" })),
      ada.commit(task.command.add("t1", { title: "Tea", column: "todo" })),
    ]),
    bob.push([
      bob.commit(task.command.add("t2", { title: "Jam", column: "todo" })),
      bob.commit(task.command.add("t3", { title: "Rye", column: "todo" })),
    ]),
  ];
  const [, hers, others] = await Promise.all(pushes);
  expect(hers?.outcomes).toMatchObject([{ outcome: "rejected", code: "conflict" }]);
  expect(others?.outcomes).toMatchObject([{ outcome: "recorded" }, { outcome: "recorded" }]);
  await server.close();
});

test("P7 push: a push may read exactly 100,000 events, and its next commit is answered too", async () => {
  const server = testServer({ store: await longStore(5) });
  const ada = person(server, "ada");
  const commits = [
    ada.commit(task.command.claim("long", { title: "Bread" })),
    ada.commit(task.command.add("t1", { title: "Tea", column: "todo" })),
  ];
  expect(await ada.outcomes(...commits)).toMatchObject([{ code: "conflict" }, { outcome: "recorded" }]);
  await server.close();
});
