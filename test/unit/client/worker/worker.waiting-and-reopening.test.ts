// The engine and its callers that wait, that read in between, and that open the log again.
import { expect, test, vi } from "vitest";
import * as v from "valibot";
import { aggregate, defineDomain } from "../../../../src/index.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { Engine } from "../../../../src/client/engine/engine.ts";
import { liveValue } from "../../../../src/client/page/live-value.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore, type MemoryLogStoreOptions } from "../../../../src/client/stores/memory-log-store.ts";
import { confirmLocally } from "../../../../src/client/sync/confirm-locally.ts";
import { StorageFullError } from "../../../../src/core/values/errors.ts";
import type { RowDelta } from "../../../../src/core/fold/rows.ts";
import { board, domain, task } from "../../../support/board-domain.ts";

const add = (id: string) => task.command.add(id, { title: "Milk", column: "todo" });
const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());

function openEngine(
  options: {
    readonly of?: typeof domain;
    readonly database?: MemoryDatabase;
    readonly store?: MemoryLogStoreOptions;
    readonly changed?: (deltas: readonly RowDelta[]) => void;
  } = {},
): Promise<Engine> {
  const { of = domain, database = newDatabase(), store = {}, changed = () => {} } = options;
  return Engine.open({
    domain: of.definition,
    store: memoryLogStore(database, store),
    env: browserEnv,
    user: "ada",
    synced: true,
    changed,
    wrote: () => {},
  });
}

test("Engine.settled: rejects with log-closed when the log closes first", async () => {
  const engine = await openEngine();
  const settled = engine.settled(await engine.execute([add("t1")], null));
  await engine.close();
  await expect(settled).rejects.toMatchObject({ code: "log-closed" });
});

test("Engine.execute: after a failed append, reports as gone the rows that a reader saw", async () => {
  const mirror = new Map<string, unknown>();
  const take = (deltas: readonly RowDelta[]) => {
    for (const { projection, set, removed } of deltas) {
      if (projection !== board.name) continue;
      for (const key of removed) mirror.delete(key);
      for (const { key, row } of set) mirror.set(key, row);
    }
  };
  let look = (): void => {};
  const before = async (operation: string): Promise<void> => {
    if (operation !== "appendPending") return;
    look();
    throw new StorageFullError({ message: "The disk is full", fix: "Make room." });
  };
  const engine = await openEngine({ store: { before }, changed: take });
  look = () => {
    for (const { key, row } of engine.replica.entries(board.name)) mirror.set(key, row);
  };
  await expect(engine.execute([add("t1")], null)).rejects.toMatchObject({ code: "storage-full" });
  expect([...mirror]).toEqual([]);
  await engine.close();
});

test("log summary: never runs ahead of the rows, also during a refresh", async () => {
  const database = newDatabase();
  let standing: readonly unknown[] = [];
  const rows = new Map<string, boolean>();
  const before = (operation: string): void => {
    if (operation === "readRejections") look();
  };
  let look = (): void => {};
  const changed = (deltas: readonly RowDelta[]) => {
    for (const { projection, set } of deltas)
      if (projection === board.name) for (const { key, pending } of set) rows.set(key, pending);
  };
  const writer = await openEngine({ database });
  const reader = await openEngine({ database, store: { before }, changed });
  await writer.execute([add("t1")], null);
  await reader.refresh();
  await confirmLocally(writer, browserEnv);
  await writer.withdraw(await writer.execute([add("t2")], null));
  look = () => (standing = [reader.summary.pending, reader.summary.position, rows.get("task/t1")]);
  await reader.refresh();
  expect(standing).toEqual([1, 0, true]);
  expect([reader.summary.pending, reader.summary.position, rows.get("task/t1")]).toEqual([0, 1, false]);
});

test("Engine.refresh: shows rows that a failed refresh folded, also if histories diverge next", async () => {
  const database = newDatabase();
  const titles = new Map<string, unknown>();
  let failing = false;
  const before = (operation: string): void => {
    if (failing && operation === "readRejections")
      throw new StorageFullError({ message: "The disk is full", fix: "Make room." });
  };
  const changed = (deltas: readonly RowDelta[]) => {
    for (const { projection, set } of deltas)
      if (projection === board.name) for (const { key, row } of set) titles.set(key, row);
  };
  const [writer, reader] = [await openEngine({ database }), await openEngine({ database, store: { before }, changed })];
  await writer.execute([add("t1")], null);
  await reader.refresh();
  await writer.execute([task.command.rename("t1", { title: "Bread" })], null);
  await confirmLocally(writer, browserEnv);
  await writer.withdraw(await writer.execute([add("t2")], null));
  failing = true;
  await expect(reader.refresh()).rejects.toMatchObject({ code: "storage-full" });
  failing = false;
  expect(await writer.replaceLog(({ head, store }) => store.cutBack(head, head.cursor, []))).toBe(true);
  await reader.refresh();
  expect([...titles]).toMatchObject([["task/t1", { title: "Bread" }]]);
  await Promise.all([writer.close(), reader.close()]);
});

test("Engine.execute: drops an inverse that the store cannot read back, so the log opens again", async () => {
  const label = aggregate("label", {
    version: 1,
    initial: "",
    events: { Set: v.object({ text: v.string() }) },
    evolve: { Set: (_, { data }) => data.text.slice(0, 1) },
    commands: {
      set: {
        input: v.object({ text: v.string() }),
        decide: (_, input, { emit }) => emit("Set", input),
        undo: ({ before, command }) => command.set({ text: before }),
      },
    },
  });
  const labels = defineDomain({ version: 1, aggregates: [label], projections: [] });
  const database = newDatabase();
  const first = await openEngine({ of: labels, database });
  // The state contains half of the emoji, and so would the command that brings it back.
  await first.execute([label.command.set("l1", { text: "😀" })], null);
  await first.execute([label.command.set("l1", { text: "b" })], null);
  await first.close();
  const second = await openEngine({ of: labels, database });
  expect(second.pending.map(({ undo }) => undo?.inverse)).toEqual([[label.command.set("l1", { text: "" })], null]);
  await second.close();
});

test("liveValue: calls the other listeners if one of them throws", async () => {
  const thrown: unknown[] = [];
  const microtask = vi.spyOn(globalThis, "queueMicrotask").mockImplementation((run) => {
    try {
      run();
    } catch (error) {
      thrown.push(error);
    }
  });
  const value = liveValue(1);
  const told: number[] = [];
  value.subscribe(() => {
    throw new Error("a mistake of the app");
  });
  value.subscribe((next) => told.push(next));
  value.set(2);
  microtask.mockRestore();
  expect(told).toEqual([2]);
  expect(thrown).toMatchObject([{ message: "a mistake of the app" }]);
});
