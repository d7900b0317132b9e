// Rebuilding rows: whatever rows were stored, they become those of the log, in all tabs, while commands continue.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { rebuildRows } from "../../../../src/client/engine/rebuild-rows.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import type { RebuildProgress } from "../../../../src/client/messages/row-types.ts";
import type { LogStore } from "../../../../src/client/stores/log-store.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { storageLost } from "../../../../src/client/stores/storage-errors.ts";
import { LOADS_MAX } from "../../../../src/client/engine/local-log.ts";
import { defineDomain, projection } from "../../../../src/index.ts";
import { board, column, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { type EngineTab, openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const parts = { domain: domain.definition, env: browserEnv };
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const rows = (tab: EngineTab) => [board.name, columnCounts.name].map((name) => tab.shown(name));
const rebuild = ({ engine }: EngineTab, onProgress: (progress: RebuildProgress) => void | Promise<void> = () => {}) =>
  rebuildRows(engine, parts, onProgress);

/** Opens a tab on a copy of the log without its stored rows, so that it folds the log. */
async function folded(database: MemoryDatabase): Promise<EngineTab> {
  const copy = database.copy();
  return openTab(domain, copy, { store: { ...memoryLogStore(copy), readRows: () => Promise.resolve(null) } });
}

/** Replaces stored rows by other valid rows, as the fold of a wrong handler stores them. */
async function damage(database: MemoryDatabase, change: (key: string) => boolean = () => true) {
  const store = memoryLogStore(database);
  const stored = (await store.readRows()) ?? expect.fail("no stored rows");
  const tables = stored.tables.map(({ table, buckets }) => ({
    table,
    buckets: buckets.map(({ bucket, text }) => ({
      bucket,
      text: JSON.stringify(
        (JSON.parse(text) as [string, object][]).map(([key, row]) =>
          table.startsWith("board@") && change(key) ? [key, { ...row, title: "wrong" }] : [key, row],
        ),
      ),
    })),
  }));
  const { generation, rebuilds } = await store.head();
  await store.writeRows({ generation, rebuilds, checkpoint: stored.checkpoint }, { ...stored, tables }, true);
}

/** A log with tasks, whose stored rows are wrong. */
async function damagedLog(count: number) {
  const database = new MemoryDatabase(() => crypto.randomUUID());
  const first = await openTab(domain, database);
  const server = new RecordingServer();
  for (let n = 0; n < count; n++) await first.engine.execute([add(`t${n}`)], null);
  await server.sync(first.engine);
  await first.engine.tidy();
  await damage(database);
  return { database, server };
}

const titles = (tab: EngineTab) => new Set(tab.shown(board.name).map(({ row }) => (row as { title: string }).title));

test("rebuild: damaged rows become those of the log, here, in other tabs and in the store", async () => {
  const { database } = await damagedLog(5);
  const [here, there] = [await openTab(domain, database), await openTab(domain, database)];
  expect(titles(here)).toEqual(new Set(["wrong"]));
  const progress: RebuildProgress[] = [];
  await rebuild(here, (at) => void progress.push(at));
  expect(progress.at(-1)).toEqual({ done: 5, of: 5 });
  const expected = rows(await folded(database));
  expect(rows(here)).toEqual(expected);
  expect(titles(there)).toEqual(new Set(["wrong"]));
  await there.engine.refresh();
  expect(rows(there)).toEqual(expected);
  expect(rows(await openTab(domain, database))).toEqual(expected);
});

test("rebuild: commands continue meanwhile, and old rows stay until the end", async () => {
  const { database, server } = await damagedLog(100);
  const tab = await openTab(domain, database);
  const progress: RebuildProgress[] = [];
  let n = 0;
  await rebuild(tab, async (at) => {
    progress.push(at);
    if (at.done === at.of) return;
    expect(titles(tab).has("wrong")).toBe(true);
    await tab.engine.execute([add(`new${n++}`)], null);
    await tab.engine.execute([task.command.rename("t0", { title: `Title ${n}` })], null);
    if (n === 1) await server.sync(tab.engine);
  });
  expect(n).toBeGreaterThan(1);
  expect(progress.at(0)?.done).toBeLessThan(progress.at(0)?.of ?? 0);
  expect(progress.at(-1)).toEqual({ done: 102, of: 102 });
  expect(rows(tab)).toEqual(rows(await folded(database)));
  expect(tab.engine.pending.map(({ commit }) => commit.commands.length)).toEqual(Array(2 * n - 2).fill(1));
  await server.sync(tab.engine);
  expect(rows(tab)).toEqual(rows(await folded(database)));
});

test("rebuild: a tab that ends before the exchange leaves the old rows", async () => {
  const { database } = await damagedLog(5);
  const before = await memoryLogStore(database).readRows();
  const dying = memoryLogStore(database, {
    before: (operation) => {
      if (operation === "replaceRows") throw storageLost("closed");
    },
  });
  const tab = await openTab(domain, database, { store: dying });
  await expect(rebuild(tab)).rejects.toMatchObject({ code: "storage-lost" });
  expect(await memoryLogStore(database).readRows()).toEqual(before);
  expect(titles(tab)).toEqual(new Set(["wrong"]));
  // The tab still works, and a second call succeeds.
  await tab.engine.execute([add("later")], null);
  const next = await openTab(domain, database);
  await rebuild(next);
  expect(rows(next)).toEqual(rows(await folded(database)));
});

test("rebuild: a lost report of the exchange counts as done", async () => {
  const { database } = await damagedLog(5);
  const inner = memoryLogStore(database);
  const store: LogStore = {
    ...inner,
    replaceRows: async (...facts) => (await inner.replaceRows(...facts)) && inner.replaceRows(...facts),
  };
  const tab = await openTab(domain, database, { store });
  await rebuild(tab);
  expect((await inner.head()).rebuilds).toBe(1);
  expect(rows(tab)).toEqual(rows(await folded(database)));
});

test("rebuild: of two tabs at the same time, one exchanges the rows", async () => {
  const { database } = await damagedLog(100);
  const [here, there] = [await openTab(domain, database), await openTab(domain, database)];
  await Promise.all([rebuild(here), rebuild(there), rebuild(there)]);
  expect((await memoryLogStore(database).head()).rebuilds).toBe(1);
  const expected = rows(await folded(database));
  expect([rows(here), rows(there)]).toEqual([expected, expected]);
});

test("rebuild: a tab that missed the exchange cannot store its old rows over the new ones", async () => {
  const { database } = await damagedLog(5);
  const [here, there] = [await openTab(domain, database), await openTab(domain, database)];
  await rebuild(here);
  await there.engine.tidy();
  await there.engine.tidy();
  expect(rows(await openTab(domain, database))).toEqual(rows(here));
});

test("rebuild: starts again if another tab cuts the log back meanwhile", async () => {
  const { database } = await damagedLog(100);
  const [here, there] = [await openTab(domain, database), await openTab(domain, database)];
  let hasCut = false;
  await rebuild(here, async () => {
    if (hasCut) return;
    hasCut = true;
    await there.engine.replaceLog(({ store, head }) => store.cutBack(head, null, []));
  });
  expect(rows(here)).toEqual([[], []]);
  expect(here.engine.head.generation).toBe(1);
});

test("rebuild: leaves a base alone that another tab joins meanwhile", async () => {
  const { database } = await damagedLog(100);
  const [here, there] = [await openTab(domain, database), await openTab(domain, database)];
  const base = (await memoryLogStore(database).readRows()) ?? expect.fail("no stored rows");
  let hasJoined = false;
  const rebuilding = rebuild(here, async () => {
    if (hasJoined) return;
    hasJoined = true;
    await there.engine.replaceLog(({ store, head }) => store.cutBack(head, null, []));
    await memoryLogStore(database).join(await memoryLogStore(database).head(), base);
  });
  await expect(rebuilding).rejects.toMatchObject({ details: { code: "before-base" } });
  expect((await memoryLogStore(database).refresh({ position: 0, pendingTail: 0 })).base).toEqual(base.checkpoint);
});

test("rebuild: ends with an error if other tabs move the log each time", async () => {
  const { database } = await damagedLog(3);
  let exchanges = 0;
  const replaceRows = () => Promise.resolve(++exchanges < 0);
  const tab = await openTab(domain, database, { store: { ...memoryLogStore(database), replaceRows } });
  await expect(rebuild(tab)).rejects.toMatchObject({ code: "storage-lost" });
  expect(exchanges).toBe(LOADS_MAX);
});

test("rebuild: stores all rows, or none if an event is missing in them", async () => {
  const { database } = await damagedLog(3);
  await rebuild(await openTab(domain, database));
  const stored = await memoryLogStore(database).readRows();
  expect(stored).toMatchObject({ checkpoint: { position: 3 } });
  expect(stored?.tables.map(({ buckets }) => buckets.length > 0)).toEqual([true, true, true]);
  const fussy = projection("fussy", {
    version: 1,
    from: [task],
    initial: null as { title: string } | null,
    on: {
      TaskAdded: (_, { data }) => {
        if (data.title === "t1") throw new Error("not yet");
        return { title: data.title };
      },
    },
  });
  const release = defineDomain({ version: 1, aggregates: [task, column], projections: [fussy] });
  const tab = await openTab(release, database);
  await rebuildRows(tab.engine, { ...parts, domain: release.definition }, () => {});
  expect(tab.engine.summary.parked.count).toBe(1);
  expect((await memoryLogStore(database).readRows())?.tables ?? []).toEqual([]);
});

test("rebuild: folds again if another tab cut the log back between two reads", async () => {
  const { database } = await damagedLog(3);
  const inner = memoryLogStore(database);
  let heads = 0;
  const head = async () => {
    const now = await inner.head();
    // The first read of the fold. Opening the tab read the head once.
    return ++heads === 2 ? { ...now, generation: now.generation - 1 } : now;
  };
  const tab = await openTab(domain, database, { store: { ...inner, head } });
  await rebuild(tab);
  expect(heads).toBe(3);
  expect(rows(tab)).toEqual(rows(await folded(database)));
});

test("rebuild: an empty log ends at once", async () => {
  const tab = await openTab(domain, new MemoryDatabase(() => crypto.randomUUID()));
  const progress: RebuildProgress[] = [];
  await rebuild(tab, (at) => void progress.push(at));
  expect(progress).toEqual([{ done: 0, of: 0 }]);
});

test("rebuild: whatever rows were wrong, and whatever is pending, tabs show the fold of the log", async () => {
  const changes = fc.record({
    wrong: fc.integer({ min: 0, max: 31 }),
    before: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    during: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    confirms: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(changes, async ({ wrong, before, during, confirms }) => {
      const database = new MemoryDatabase(() => crypto.randomUUID());
      const [server, writer] = [new RecordingServer(), await openTab(domain, database)];
      for (let n = 0; n < 5; n++) await writer.engine.execute([add(`t${n}`)], null);
      await server.sync(writer.engine);
      await writer.engine.tidy();
      await damage(database, (key) => ((wrong >> Number(key.at(-1))) & 1) === 1);
      const tab = await openTab(domain, database);
      const rename = async (n: number) => {
        await tab.engine
          .execute([n < 5 ? task.command.rename(`t${n}`, { title: "New" }) : add("more")], null)
          .catch(() => {});
      };
      for (const n of before) await rename(n);
      await Promise.all([
        rebuild(tab),
        (async () => {
          for (const n of during) await rename(n);
          if (confirms) await server.sync(tab.engine);
        })(),
      ]);
      await writer.engine.refresh();
      const expected = rows(await folded(database));
      expect(rows(tab)).toEqual(expected);
      expect(rows(writer)).toEqual(expected);
    }),
    { numRuns: 40 },
  );
});
