// `dacapo events` on a log that a restore or a drop changes: the command says so, and mixes no two histories.
import { afterEach, expect, test } from "vitest";
import type { CommitRecord } from "../../../src/core/history/record.ts";
import type { EventStore } from "../../../src/sync-server/stores/event-store.ts";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { storedRecord } from "../../../src/sync-server/stores/stored-record.ts";
import { batch, readAll } from "../../../src/testing/event-store/samples.ts";
import { task } from "../../support/board-domain.ts";
import { printed, resultOf, runCli, startCli } from "../../support/cli.ts";
import { containing } from "../../support/matchers.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { temporaryFolder } from "../../support/server.ts";
import { person, testServer } from "../../support/sync-requests.ts";

const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

/** A file with a log of 10 events. The last one is of the stream `task/t1`, as is the second. */
async function written(): Promise<{ readonly url: string; readonly open: () => EventStore }> {
  const folder = await temporaryFolder();
  cleanUp.push(folder.remove);
  const path = folder.path("logs.db");
  const server = testServer({ store: sqlite(path) });
  const ada = person(server, "ada");
  const added = Array.from({ length: 9 }, (_, n) => task.command.add(`t${n}`, { title: "Milk", column: "todo" }));
  await ada.push(
    [...added, { ...task.command.rename("t1", { title: "last" }), seen: 1 }].map((one) => ada.commit(one)),
  );
  await server.close();
  return { url: `sqlite:${path}`, open: () => sqlite(path) };
}

test.each([
  ["a log", []],
  ["a stream", ["--stream", "task/t1"]],
])("events --follow: ends and says why if a restore cut off the end of %s", async (_kind, args) => {
  const place = await written();
  const child = startCli(["events", "board", "--store", place.url, "--follow", ...args]);
  const result = resultOf(child);
  await printed(child, /"last"/);
  const store = place.open();
  // The restored log is as long as before, and its last record is another one.
  const records = (await readAll(store, "board")).map(({ text }, n) => {
    const record = parseOwnJson<CommitRecord>(text);
    return storedRecord(n < 9 ? record : { ...record, mark: "restored" });
  });
  await store.rename("board", "lost");
  await store.append("board", batch(null, { records }));
  await store.close();
  const { code, stderr } = await result;
  expect([code, stderr]).toEqual([1, containing("The log board was restored or replaced")]);
  expect(stderr).toContain("10-");
  expect(stderr).toContain("Run the command again");
});

test("events --stream: a cursor of another history is refused, as without a stream", async () => {
  const place = await written();
  const args = ["events", "board", "--store", place.url, "--stream", "task/t1", "--after", "9-other"];
  expect(await runCli(args)).toMatchObject({ code: 2, stderr: containing("does not contain the cursor 9-other") });
});

test("events --stream --follow: ends if the log is dropped", async () => {
  const place = await written();
  const child = startCli(["events", "board", "--store", place.url, "--follow", "--stream", "task/t1"]);
  const result = resultOf(child);
  await printed(child, /"last"/);
  const store = place.open();
  await store.drop("board");
  await store.close();
  expect(await result).toMatchObject({ code: 1, stderr: containing("The log board was dropped for good") });
});
