// Outcomes without a record: how long and how many the server keeps. And fields of later versions.
import { expect, test } from "vitest";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { sqlite } from "../../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../../support/board-domain.ts";
import { person, testServer } from "../../../support/sync-requests.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const rename = (id: string) => task.command.rename(id, { title: "Bread" });

test.each([
  ["memory", memory],
  ["sqlite", () => sqlite(":memory:")],
])("P5 push: a rejection is kept for 30 days, then forgotten (%s)", async (_, store) => {
  let now = Date.now();
  const server = testServer({ store: store(), env: { ...runtimeEnv, now: () => now } });
  const ada = person(server, "ada");
  const commit = ada.commit(rename("t1"));
  const [first] = await ada.outcomes(commit);
  expect(first).toMatchObject({ outcome: "rejected", code: "no-such-task" });
  // Now it would be accepted, but a device that returns after weeks gets the same outcome.
  await ada.outcomes(ada.commit(add("t1")));
  now += 29 * DAY_MS;
  await ada.outcomes(ada.commit(add("t2")));
  expect(await ada.outcomes(commit)).toEqual([first]);
  now += 2 * DAY_MS;
  await ada.outcomes(ada.commit(add("t3")));
  expect(await ada.outcomes(commit)).toMatchObject([{ outcome: "recorded" }]);
  await server.close();
});

test.each([
  ["memory", memory],
  ["sqlite", () => sqlite(":memory:")],
])("P4 push: a commit rejected as forbidden stays rejected after its actor gets the right (%s)", async (_, store) => {
  let mayWrite = false;
  const server = testServer({ store: store(), permit: (_, { action }) => action === "read" || mayWrite });
  const ada = person(server, "ada");
  const [refused, made] = [ada.commit(add("t1")), ada.commit(add("t2"))];
  const [rejection] = await ada.outcomes(refused);
  expect(rejection).toMatchObject({ outcome: "rejected", code: "forbidden" });
  mayWrite = true;
  expect(await ada.outcomes(made)).toMatchObject([{ outcome: "recorded" }]);
  expect(await ada.outcomes(refused)).toEqual([rejection]);
  expect((await ada.pull()).records.map(({ commit }) => commit)).toEqual([made.id]);
  await server.close();
});

test("P5 push: an actor with too many rejections loses its oldest, and no other actor does", async () => {
  const server = testServer({ limits: { outcomesPerActorMax: 3 } });
  const [ada, bob] = [person(server, "ada"), person(server, "bob")];
  const his = bob.commit(rename("t1"));
  const hers = Array.from({ length: 5 }, () => ada.commit(rename("t1")));
  await bob.outcomes(his);
  for (const commit of hers) await ada.outcomes(commit);
  await ada.outcomes(ada.commit(add("t1")));
  const kinds = async (commits: readonly unknown[]) => (await ada.outcomes(...commits)).map(({ outcome }) => outcome);
  expect(await kinds(hers.slice(2))).toEqual(["rejected", "rejected", "rejected"]);
  expect(await kinds(hers.slice(0, 1))).toEqual(["recorded"]);
  expect(await bob.outcomes(his)).toMatchObject([{ outcome: "rejected" }]);
});

test("P25 push: accepts fields of a later version, and stores nothing of them", async () => {
  const server = testServer();
  const ada = person(server, "ada");
  const plain = ada.commit(add("t1"));
  const later = {
    ...plain,
    priority: "high",
    commands: plain.commands.map((command) => ({
      ...command,
      hint: { of: "later" },
      reads: [{ stream: "column/todo", seen: 0, why: "?" }],
    })),
  };
  const response = await ada.request("commits", { after: null, domain: 1, commits: [later], trace: "abc" });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ outcomes: [{ outcome: "recorded" }] });
  const text = await (await ada.request("records?limit=10&fields=later")).text();
  for (const unknown of ["priority", "hint", "later", "why", "trace"]) expect(text).not.toContain(unknown);
});
