// Commits of one push that change rows of a megabyte each, which would fill the memory together.
import { expect, test } from "vitest";
import { projection } from "dacapo";
import { strong } from "../../../../src/sync-server/app.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { Cursor } from "../../../../src/core/history/record.ts";
import { task } from "../../../support/board-domain.ts";
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
  const ids = Array.from({ length: TASKS }, (_, n) => `t${n}`);
  const adds = ids.map((id) => task.command.add(id, { title: "Milk", column: "todo" }));
  const { head } = await pushAll(person(one, "ada"), adds, null);
  // Another node has none of the rows in memory.
  const two = testServer({ store, models });
  const notes = ids.map((id) => ({ ...task.command.note(id, { text: "now" }), seen: 1 }));
  await pushAll(person(two, "ada"), notes, head);
  const { rows } = await two.log("board").rows(letters, { keys: ["task/t59"] });
  expect(rows).toEqual([{ key: "task/t59", row: `${"x".repeat(LARGE)}!` }]);
  expect(largest.written).toBeLessThan(AT_ONCE);
  expect(largest.read).toBeLessThan(AT_ONCE);
  for (const server of [one, two]) await server.close();
}, 60_000);

test("strong: many devices that change large rows at once are answered, in several appends", async () => {
  const store = memory();
  const largest = measuredRows(store);
  const server = testServer({ store, models: [strong(letters)] });
  const pushes = Array.from({ length: TASKS }, (_, n) => {
    const device = person(server, "ada");
    return device.push([device.commit(task.command.add(`t${n}`, { title: "Milk", column: "todo" }))], null);
  });
  const kinds = (await Promise.all(pushes)).flatMap(({ outcomes }) => outcomes.map(({ outcome }) => outcome));
  expect(kinds).toEqual(Array.from({ length: TASKS }, () => "recorded"));
  expect(largest.written).toBeLessThan(AT_ONCE);
  await server.close();
}, 60_000);

test("strong: a device needs few requests for commits with large rows of several models", async () => {
  const models = ["a", "b", "c", "d", "e", "f"].map((name) => strong(lettersOf(name)));
  const store = memory();
  const largest = measuredRows(store);
  const one = testServer({ store, models });
  const ids = Array.from({ length: 16 }, (_, n) => `t${n}`);
  const adds = ids.map((id) => task.command.add(id, { title: "Milk", column: "todo" }));
  const { head } = await pushAll(person(one, "ada"), adds, null);
  const two = testServer({ store, models });
  const notes = ids.map((id) => ({ ...task.command.note(id, { text: "now" }), seen: 1 }));
  const { requests } = await pushAll(person(two, "ada"), notes, head);
  expect(requests).toBeLessThanOrEqual(ids.length / 2);
  expect(largest.written).toBeLessThan(AT_ONCE);
  expect(largest.read).toBeLessThan(AT_ONCE);
  for (const server of [one, two]) await server.close();
}, 60_000);
