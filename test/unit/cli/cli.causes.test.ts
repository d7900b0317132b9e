// `dacapo events --correlation`: a chain of causes in a log, as a real process on a real SQLite file.
import { expect, onTestFinished, test } from "vitest";
import { sqlite } from "../../../src/sync-server/stores/sqlite.ts";
import { task } from "../../support/board-domain.ts";
import { runCli } from "../../support/cli.ts";
import { containing } from "../../support/matchers.ts";
import { temporaryFolder } from "../../support/server.ts";
import { testServer } from "../../support/sync-requests.ts";

type Event = { readonly position: number; readonly type: string; readonly correlation: string };

test("events --correlation: prints a chain of causes, also with the other filters", async () => {
  const folder = await temporaryFolder();
  onTestFinished(folder.remove);
  const store = sqlite(folder.path("logs.db"));
  const server = testServer({ store });
  const log = server.log("board");
  const add = (id: string) => log.execute(task.command.add(id, { title: id, column: "todo" }));
  const [first] = (await add("t1")).events;
  if (!first) throw new Error("The commit has no event");
  await add("t2");
  const [second] = (await log.execute(task.command.rename("t1", { title: "b" }), { causedBy: first })).events;
  await log.execute(task.command.rename("t2", { title: "c" }), { causedBy: second ?? first });
  await server.close();

  const events = (...args: string[]) =>
    runCli(["events", "board", "--store", `sqlite:${folder.path("logs.db")}`, "--json", ...args]);
  const positions = async (...args: string[]) =>
    (await events("--correlation", first.correlation, ...args)).json<Event>().map(({ position }) => position);
  expect(await positions()).toEqual([1, 3, 4]);
  expect(await positions("--stream", "task/t1")).toEqual([1, 3]);
  expect(await positions("--after", "1", "--limit", "1")).toEqual([3]);
  expect(await events("--correlation", crypto.randomUUID())).toMatchObject({ code: 0, stdout: "" });
  expect(await events("--correlation", "task/t1")).toMatchObject({
    code: 2,
    stderr: containing("--correlation is task/t1, which is not the id of a commit"),
  });
});
