// A log that is loaded again while a command waits: the page gets each row that the command changes.
import { expect, test } from "vitest";
import { rebuildRows } from "../../../../src/client/engine/rebuild-rows.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { board, domain, task } from "../../../support/board-domain.ts";
import { type EngineTab, openTab, sortedByKey } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const add = task.command.add("t1", { title: "Milk", column: "todo" });
const note = task.command.note("t1", { text: "note" });

function expectShown(tab: EngineTab, notes: number): void {
  expect(tab.shown(board.name)).toEqual(sortedByKey(tab.engine.replica.entries(board.name)));
  expect(tab.shown(board.name)).toMatchObject([{ row: { notes }, pending: true }]);
}

/** The rows of the whole log, as a server's base has them. */
async function baseOf(server: RecordingServer) {
  const database = newDatabase();
  const { engine } = await openTab(domain, database);
  await server.pull(engine);
  await engine.tidy();
  return (await memoryLogStore(database).readRows()) ?? expect.fail("no stored rows");
}

test("join: a command that waits meanwhile is shown with the rows of the base", async () => {
  const server = new RecordingServer();
  const tab = await openTab(domain, newDatabase());
  await tab.engine.execute([add], null);
  await tab.engine.execute([note], null);
  const answer = await server.decide(tab.engine);
  const joined = tab.engine.join(await baseOf(server), answer);
  await tab.engine.execute([note], null);
  expect(await joined).toBe(true);
  expectShown(tab, 2);
});

test("rebuild: a command that waits meanwhile is shown after another was taken back", async () => {
  const server = new RecordingServer();
  const executed: Promise<unknown>[] = [];
  const store = memoryLogStore(newDatabase(), {
    before: (operation) => {
      if (operation === "replaceRows") executed.push(tab.engine.execute([note], null));
    },
  });
  const tab: EngineTab = await openTab(domain, newDatabase(), { store });
  await tab.engine.execute([add], null);
  await server.sync(tab.engine);
  const taken = await tab.engine.execute([note], null);
  let isTaken = false;
  await rebuildRows(tab.engine, { domain: domain.definition, env: browserEnv }, async () => {
    if (!isTaken) await tab.engine.withdraw(taken);
    isTaken = true;
  });
  await Promise.all(executed);
  expectShown(tab, 1);
});
