// Pushing and pulling: what a device gets for what it sends.
import { expect, test } from "vitest";
import { task } from "../../support/board-domain.ts";
import { person, testServer } from "../../support/sync-requests.ts";

const add = (id: string, title = "Milk") => task.command.add(id, { title, column: "todo" });

test("a push records its commits, and its answer brings the records", async () => {
  const ada = person(testServer(), "ada");
  const answer = await ada.push([ada.commit(add("t1")), ada.commit(add("t2"), task.command.complete("t2"))]);
  expect(answer.outcomes.map(({ outcome }) => outcome)).toEqual(["recorded", "recorded"]);
  expect(answer.records.map(({ position, events }) => [position, events.map(({ type, version }) => `${type} ${version}`)])).toEqual([
    [1, ["TaskAdded 1"]],
    [2, ["TaskAdded 1", "TaskCompleted 2"]],
  ]);
  expect(answer.outcomes[1]).toMatchObject({ at: answer.cursor });
  expect(answer).toMatchObject({ head: 3, more: false, after: null });
  expect(await ada.pull()).toEqual(await ada.pull());
  expect((await ada.pull()).records).toEqual(answer.records);
});
