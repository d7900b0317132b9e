// A queue and an import of any length: JavaScript limits the arguments of one call, and a log has no such limit.
import { expect, test } from "vitest";
import { LocalLog } from "../../../../src/client/engine/local-log.ts";
import { RowCache } from "../../../../src/client/engine/row-cache.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { resolveDivergence } from "../../../../src/client/sync/resolve-divergence.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";

/** More than a call may have arguments, in each engine and thread. */
const MANY = 130_000;

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());

function pendingEntry(n: number) {
  const commands = [{ stream: `task/t${n}`, seen: 0, reads: [], name: "complete", v: 1, input: {}, events: [] }];
  const commit = { id: `c${n}`, client: "c", actor: "ada", time: 1, meta: null, commands };
  return { at: null, undo: null, commit };
}

/** A device with an import of many records and a pending commit. */
async function imported(): Promise<MemoryDatabase> {
  const database = newDatabase();
  const store = memoryLogStore(database);
  const records = Array.from({ length: MANY }, (_, n) => ({
    position: n + 1,
    mark: "m",
    commit: `i${n}`,
    client: "d",
    actor: "ben",
    time: 1,
    received: 1,
    meta: null,
    events: [{ type: "TaskNoted", v: 1, stream: "task/t", version: n + 1, data: { text: "x" } }],
  }));
  const batch = { after: null, cursor: { position: MANY, mark: "m" }, text: JSON.stringify({ records }) };
  await store.fill(await store.head(), { batch, settled: [], rejected: [], pending: [pendingEntry(0)] });
  return database;
}

test("LocalLog: a log with very many pending commits opens, and another tab settles all of them", async () => {
  const store = memoryLogStore(newDatabase());
  await store.appendPending(
    0,
    Array.from({ length: MANY }, (_, n) => pendingEntry(n)),
    [],
  );
  const local = await LocalLog.load(domain.definition, store, new RowCache(), 0);
  expect(local.writtenCount).toBe(MANY);
  const rejected = [...local.entries.values()].map((entry) => ({
    ...entry,
    outcome: { id: entry.commit.id, outcome: "rejected" as const, command: 0, code: "x", message: "x", theirs: [] },
    rejectedAt: 1,
  }));
  await store.confirm(await store.head(), { batch: null, settled: [], rejected, forgetSentBefore: null });
  expect(await local.refresh(0)).toHaveLength(MANY);
  expect(local.writtenCount).toBe(0);
});

test("LocalLog.load: a large import opens with a pending commit, and can be cut back", async () => {
  const { engine } = await openTab(domain, await imported());
  expect([engine.pendingCount, engine.replica.cursor?.position]).toEqual([1, MANY]);
  const unused = () => Promise.reject(new Error("Only pulls find the common record"));
  await resolveDivergence(engine, {
    push: unused,
    info: unused,
    live: () => expect.fail("No socket is opened"),
    pull: () => Promise.resolve({ kind: "diverged" }),
  });
  expect(engine.replica.cursor).toBeNull();
  await engine.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null);
  expect(engine.pendingCount).toBe(2);
});
