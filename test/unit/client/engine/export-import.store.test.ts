// Export and import on the store alone: order, numbers, and writes of another tab meanwhile.
import { expect, test } from "vitest";
import { exportLines, importArchive, readOwn } from "../../../../src/client/engine/export-import.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const idOf = ({ commit }: { readonly commit: { readonly id: string } }) => commit.id;

/** A log with two settled commits around a rejected one, and two that wait. */
async function filledLog() {
  const database = newDatabase();
  const { engine } = await openTab(domain, database);
  const server = new RecordingServer();
  const ids: string[] = [];
  for (const name of ["t1", "t2", "t3"]) ids.push(await engine.execute([add(name)], null));
  await engine.withdraw(ids[1] ?? "");
  await server.sync(engine);
  for (const name of ["t4", "t5"]) ids.push(await engine.execute([add(name)], null));
  return { engine, server, ids, store: engine.store };
}

async function linesOf(store: LogStore): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of exportLines(store, "team")) lines.push(line);
  return lines;
}
const emptyStore = () => memoryLogStore(newDatabase());

test("importArchive: own commits keep their order, with numbers of their own in the new log", async () => {
  const { store, ids } = await filledLog();
  const to = emptyStore();
  await importArchive(to, "team", "ada", await linesOf(store));
  const { head, pending } = await to.refresh({ position: 0, pendingTail: 0 });
  const [sent, rejections] = [await to.readSent(null), await to.readRejections()];
  expect([sent.map(idOf), rejections.map(idOf), pending.map(idOf)]).toEqual([
    [ids[0], ids[2]],
    [ids[1]],
    [ids[3], ids[4]],
  ]);
  expect([sent.map(({ n }) => n), rejections.map(({ n }) => n), pending.map(({ n }) => n)]).toEqual([
    [1, 3],
    [2],
    [4, 5],
  ]);
  expect(head).toMatchObject({ pendingTail: 5, cursor: (await store.head()).cursor });
});

test("exportLines: records and commits that arrive during the export are not in the file", async () => {
  const { engine, server, store, ids } = await filledLog();
  const before = await linesOf(store);
  const busy: LogStore = {
    ...store,
    readSent: async (numbers) => {
      await engine.execute([add("t6")], null);
      await server.sync(engine);
      return store.readSent(numbers);
    },
  };
  const lines = await linesOf(busy);
  expect(lines.slice(0, 3)).toEqual(before.slice(0, 3));
  const to = emptyStore();
  await importArchive(to, "team", "ada", lines);
  expect((await to.head()).cursor?.position).toBe(2);
  const { pending } = await to.refresh({ position: 0, pendingTail: 0 });
  expect(pending.map(idOf)).toEqual(ids.slice(3));
  expect((await to.readSent(null)).map(idOf)).toEqual([ids[0], ids[2]]);
});

test("readOwn: reads again if another tab cut the log back, and fails if it never stops", async () => {
  const { store, ids } = await filledLog();
  const cutBack = async () => void (await store.cutBack(await store.head(), null, []));
  let cuts = 1;
  const restless: LogStore = {
    ...store,
    readRejections: async () => {
      const rejections = await store.readRejections();
      if (cuts-- > 0) await cutBack();
      return rejections;
    },
  };
  const own = await readOwn(restless);
  expect([own.head.generation, own.pending, own.sent.map(idOf)]).toEqual([1, [], [ids[0], ids[2]]]);
  cuts = 1_000;
  await expect(readOwn(restless)).rejects.toMatchObject({ code: "bug" });
});

test("importArchive: refuses a log that has only records, only pending or only rejected commits", async () => {
  const lines = await linesOf((await filledLog()).store);
  const withPending = await openTab(domain, newDatabase());
  await withPending.engine.execute([add("t9")], null);
  const withRejection = await openTab(domain, newDatabase());
  await withRejection.engine.withdraw(await withRejection.engine.execute([add("t9")], null));
  const withRecord = await openTab(domain, newDatabase());
  const server = new RecordingServer();
  await withPending.engine.execute([add("t8")], null);
  await server.decide(withPending.engine);
  await server.pull(withRecord.engine);
  for (const { engine } of [withPending, withRejection, withRecord]) {
    const before = await engine.store.head();
    await expect(importArchive(engine.store, "team", "ada", lines)).rejects.toMatchObject({ code: "concurrency" });
    expect(await engine.store.head()).toEqual(before);
  }
});

test("importArchive: refuses a file of another log, or of another user, or a broken one", async () => {
  const lines = await linesOf((await filledLog()).store);
  const to = emptyStore();
  await expect(importArchive(to, "other", "ada", lines)).rejects.toThrow("an export of the log team, not of other");
  await expect(importArchive(to, "team", "ada", lines.slice(1))).rejects.toThrow("line 1");
  await expect(importArchive(to, "team", "bob", lines)).rejects.toMatchObject({ details: { user: "ada" } });
  expect((await to.head()).pendingTail).toBe(0);
});

test("importArchive: succeeds if the store wrote all, and could not say so", async () => {
  const lines = await linesOf((await filledLog()).store);
  const inner = emptyStore();
  const forgetful: LogStore = {
    ...inner,
    fill: async (expected, filling) => {
      await inner.fill(expected, filling);
      return false;
    },
  };
  await importArchive(forgetful, "team", "ada", lines);
  expect((await inner.head()).cursor?.position).toBe(2);
});

test("importArchive: a log without records fails if another tab has other pending commits", async () => {
  const from = await openTab(domain, newDatabase());
  for (const id of ["t1", "t2"]) await from.engine.execute([add(id)], null);
  const other = await openTab(domain, newDatabase());
  await other.engine.execute([add("t9")], null);
  const lines = await linesOf(from.engine.store);
  const [own, foreign] = [from.engine.pending, other.engine.pending];
  for (const [pending, isImported] of [
    [own, true],
    [[...own, ...foreign], false],
    [[...own.slice(1), ...foreign], false],
    [own.slice(1), false],
  ] as const) {
    const inner = emptyStore();
    const fill = async () => !(await inner.appendPending(0, pending, []));
    const imported = importArchive({ ...inner, fill }, "team", "ada", lines);
    if (isImported) await imported;
    else await expect(imported).rejects.toMatchObject({ code: "concurrency" });
  }
});

test("importArchive: a settled commit without its number is imported too, before the others", async () => {
  const { store, ids } = await filledLog();
  const to = emptyStore();
  const lines = (await linesOf(store)).map((line) => line.replace('"n":3,', ""));
  expect(lines).not.toEqual(await linesOf(store));
  await importArchive(to, "team", "ada", lines);
  expect((await to.readSent(null)).map(idOf)).toEqual([ids[2], ids[0]]);
});

test("importArchive: fails if another tab wrote something else meanwhile, and changes nothing", async () => {
  const { store, ids } = await filledLog();
  const lines = await linesOf(store);
  const others = [
    // Another commit, another log of the same length, and the pending commits alone.
    async (to: LogStore) => {
      const tab = await openTab(domain, newDatabase());
      await tab.engine.execute([add("t9")], null);
      await to.appendPending(0, tab.engine.pending, []);
    },
    async (to: LogStore) => {
      const { engine } = await filledLog();
      await importArchive(to, "team", "ada", await linesOf(engine.store));
    },
    async (to: LogStore) => {
      const { pending } = await store.refresh({ position: 0, pendingTail: 0 });
      await to.appendPending(0, pending, []);
    },
  ];
  for (const write of others) {
    const inner = emptyStore();
    const raced: LogStore = {
      ...inner,
      fill: async (expected, filling) => {
        await write(inner);
        return inner.fill(expected, filling);
      },
    };
    await expect(importArchive(raced, "team", "ada", lines)).rejects.toMatchObject({ code: "concurrency" });
    expect((await inner.readSent(null)).map(idOf)).not.toContain(ids[0]);
  }
});
