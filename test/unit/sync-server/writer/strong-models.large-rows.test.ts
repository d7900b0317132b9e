// Commits of one push, or of many devices at once, that change rows of a megabyte each. Together they would fill the
// memory.
import { expect, test } from "vitest";
import { projection } from "dacapo";
import { sqlModel, strong } from "../../../../src/sync-server/app.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { PermitRequest } from "../../../../src/sync-server/access/authorize.ts";
import type { SyncServer } from "../../../../src/sync-server/app.ts";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { task } from "../../../support/board-domain.ts";
import { firstBatchOf } from "../../../support/first-batch.ts";
import { measuredRows } from "../../../support/measured-rows.ts";
import { type Person, person, type Seen, testServer } from "../../../support/sync-requests.ts";

const TASKS = 60;
const LARGE = 900_000;
const AT_ONCE = 24_000_000;

const lettersOf = (name: string) =>
  projection(name, {
    version: 1,
    from: [task],
    initial: "",
    on: { TaskAdded: () => "x".repeat(LARGE), TaskNoted: (text) => `${text}!` },
  });
const letters = lettersOf("letters");

const ids = Array.from({ length: TASKS }, (_, n) => `t${n}`);
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });

/** Adds each task from a device of its own, at once. Returns the outcome of each device, or `refused`. */
function addAtOnce(server: SyncServer): Promise<readonly string[]> {
  return Promise.all(
    ids.map((id) => {
      const device = person(server, "ada");
      return device.outcomes(device.commit(add(id))).then(
        ([one]) => one?.outcome ?? "none",
        () => "refused",
      );
    }),
  );
}

/** Pushes commits as a device does: those without an outcome again, behind the records of the answer. */
async function pushAll(ada: Person, commands: readonly Seen[], after: Cursor | null) {
  let commits = commands.map((command) => ada.commit(command));
  let head = after;
  let requests = 0;
  while (commits.length > 0) {
    requests++;
    const answer = await ada.push(commits, head);
    expect(new Set(answer.outcomes.map(({ outcome }) => outcome))).toEqual(new Set(["recorded"]));
    commits = commits.slice(answer.outcomes.length);
    head = answer.cursor;
  }
  return { head, requests };
}

test("strong: commits with large rows are appended in small parts, and all get their outcome", async () => {
  const store = memory();
  const largest = measuredRows(store);
  const models = [strong(letters)];
  const one = testServer({ store, models });
  const { head } = await pushAll(person(one, "ada"), ids.map(add), null);
  // Another node has none of the rows in memory.
  const two = testServer({ store, models });
  const notes = ids.map((id) => ({ ...task.command.note(id, { text: "now" }), seen: 1 }));
  await pushAll(person(two, "ada"), notes, head);
  const { rows } = await two.log("board").rows(letters, { keys: ["task/t59"] });
  expect(rows).toEqual([{ key: "task/t59", row: `${"x".repeat(LARGE)}!` }]);
  expect(largest.written).toBeLessThan(AT_ONCE);
  expect(largest.read).toBeLessThan(AT_ONCE);
  for (const server of [one, two]) await server.close();
});

test("strong: many devices that change large rows at once are answered, in several appends", async () => {
  const store = memory();
  const largest = measuredRows(store);
  const server = testServer({ store, models: [strong(letters)], ...firstBatchOf(TASKS) });
  expect(await addAtOnce(server)).toEqual(ids.map(() => "recorded"));
  expect(largest.written).toBeLessThan(AT_ONCE);
  await server.close();
});

const sqlLetters = sqlModel("sql-letters", {
  version: 1,
  from: [task],
  tables: { letter: (t) => `create table ${t} (id text primary key, text text not null)` },
  on: {
    TaskAdded: ({ stream }, t) => [
      { sql: `insert into ${t.letter} (id, text) values (?, ?)`, params: [stream, "x".repeat(LARGE)] },
    ],
  },
});

test("strong: statements with large texts of many devices at once are in several appends", async () => {
  const store = sqlite(":memory:");
  const largest = measuredRows(store);
  const server = testServer({ store, models: [strong(sqlLetters)], ...firstBatchOf(TASKS) });
  expect(await addAtOnce(server)).toEqual(ids.map(() => "recorded"));
  expect(largest.written).toBeGreaterThan(LARGE);
  expect(largest.written).toBeLessThan(AT_ONCE);
  await server.close();
});

test("strong: a device needs few requests for commits with large rows of several models", async () => {
  const models = ["a", "b", "c", "d", "e", "f"].map((name) => strong(lettersOf(name)));
  const store = memory();
  const largest = measuredRows(store);
  const one = testServer({ store, models });
  const some = ids.slice(0, 16);
  const { head } = await pushAll(person(one, "ada"), some.map(add), null);
  const two = testServer({ store, models });
  const notes = some.map((id) => ({ ...task.command.note(id, { text: "now" }), seen: 1 }));
  const { requests } = await pushAll(person(two, "ada"), notes, head);
  expect(requests).toBeLessThanOrEqual(some.length / 2);
  expect(largest.written).toBeLessThan(AT_ONCE);
  expect(largest.read).toBeLessThan(AT_ONCE);
  for (const server of [one, two]) await server.close();
});

test("strong: a batch in several appends calls permit once for each commit", async () => {
  const asked: string[] = [];
  const permit = (_: unknown, request: PermitRequest) => {
    if (request.action === "write") asked.push(request.stream);
    return true;
  };
  const server = testServer({ store: memory(), models: [strong(letters)], permit, ...firstBatchOf(TASKS) });
  expect(await addAtOnce(server)).toEqual(ids.map(() => "recorded"));
  expect(asked.toSorted()).toEqual(ids.map((id) => `task/${id}`).toSorted());
  await server.close();
});

test("strong: if a later append of a batch fails, the devices of the first one get their outcome", async () => {
  const store = memory();
  const append = store.append.bind(store);
  let appends = 0;
  store.append = (log, given) => {
    if (++appends > 1) throw new Error("the disk is gone");
    return append(log, given);
  };
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const server = testServer({ store, models: [strong(letters)], onError, ...firstBatchOf(TASKS) });
  const kinds = await addAtOnce(server);
  const recorded = kinds.filter((kind) => kind === "recorded").length;
  expect(recorded).toBeGreaterThan(1);
  expect(kinds.filter((kind) => kind === "refused")).toHaveLength(TASKS - recorded);
  expect(errors).toMatchObject([{ message: "the disk is gone" }]);
  expect(await store.head("board")).toMatchObject({ cursor: { position: recorded } });
  await server.close();
});

test("strong: many commits on one row are one append, because the row is written once", async () => {
  const store = memory();
  const models = [strong(letters)];
  const [first = ""] = ids;
  const one = testServer({ store, models });
  const ada = person(one, "ada");
  await ada.outcomes(ada.commit(add(first)));
  const appends: number[] = [];
  const append = store.append.bind(store);
  store.append = (log, given) => (appends.push(given.records.length), append(log, given));
  const two = testServer({ store, models, ...firstBatchOf(80) });
  const pushes = Array.from({ length: 80 }, () => {
    const device = person(two, "ada");
    return device.outcomes(device.commit({ ...task.command.note(first, { text: "x" }), seen: 1 }));
  });
  const outcomes = (await Promise.all(pushes)).flatMap((some) => some.map(({ outcome }) => outcome));
  expect(new Set(outcomes)).toEqual(new Set(["recorded"]));
  expect(appends).toEqual([80]);
  for (const server of [one, two]) await server.close();
});
