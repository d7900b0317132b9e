// Stored rows: a tab that opens from them shows what the log has, whatever was stored.
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Domain } from "../../../../src/core/domain/define-domain.ts";
import { BUCKETS } from "../../../../src/core/fold/packed-tables.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import type { LogStore, StoredRows } from "../../../../src/client/stores/log-store.ts";
import { defineDomain, projection } from "../../../../src/index.ts";
import { board, column, columnCounts, domain, task } from "../../../support/board-domain.ts";
import { type EngineTab, openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const newDatabase = () => new MemoryDatabase(() => crypto.randomUUID());
const add = (id: string) => task.command.add(id, { title: id, column: "todo" });
const rows = (tab: EngineTab) => [board.name, columnCounts.name].map((name) => tab.shown(name));

/** A tab whose log was opened from stored rows alone, if it reads no record. */
async function reopened(database: MemoryDatabase, opened: Domain = domain) {
  let records = 0;
  const inner = memoryLogStore(database);
  const store: LogStore = {
    ...inner,
    refresh: async (known) => {
      const refresh = await inner.refresh(known);
      records += refresh.batches.length;
      return refresh;
    },
  };
  const tab = await openTab(opened, database, { store });
  return { tab, records };
}

/** A tab with confirmed tasks, and the buckets of each write of rows. */
async function tabWith(...ids: readonly string[]) {
  const database = newDatabase();
  const inner = memoryLogStore(database);
  const written: StoredRows[] = [];
  const store: LogStore = {
    ...inner,
    writeRows: (expected, stored, fresh) => {
      written.push(stored);
      return inner.writeRows(expected, stored, fresh);
    },
  };
  const tab = await openTab(domain, database, { store });
  const server = new RecordingServer();
  const confirm = async (...names: readonly string[]) => {
    for (const id of names) await tab.engine.execute([add(id)], null);
    await server.sync(tab.engine);
  };
  await confirm(...ids);
  return { database, tab, server, written, confirm };
}

const keysIn = ({ tables }: StoredRows) =>
  tables.flatMap(({ table, buckets }) =>
    buckets.flatMap(({ text }) =>
      (JSON.parse(text) as [string, unknown][]).map(([key]) => `${table.split(/[@<]/)[0]} ${key}`),
    ),
  );

test("tidy: a tab that opens later shows the same rows and reads no record", async () => {
  const { database, tab, confirm } = await tabWith("t1", "t2");
  await tab.engine.tidy();
  const { tab: again, records } = await reopened(database);
  expect(records).toBe(0);
  expect(rows(again)).toEqual(rows(tab));
  expect(again.engine.replica.stream("task/t1")).toEqual(tab.engine.replica.stream("task/t1"));
  expect(again.engine.summary.position).toBe(2);
  // Records behind the rows are folded onto them.
  await confirm("t3");
  const later = await reopened(database);
  expect(later.records).toBe(1);
  expect(rows(later.tab)).toEqual(rows(tab));
});

test("tidy: writes nothing in an empty log, and nothing of pending commits", async () => {
  const { database, tab, written } = await tabWith();
  await tab.engine.execute([add("t1")], null);
  await tab.engine.tidy();
  expect(written).toEqual([]);
  expect(rows((await reopened(database)).tab)).toEqual(rows(tab));
});

test("tidy: writes only the buckets that changed since the last time", async () => {
  const names = Array.from({ length: 30 }, (_, n) => `t${n}`);
  const { database, tab, written, confirm } = await tabWith(...names);
  await tab.engine.tidy();
  expect(keysIn(written[0] ?? expect.fail("nothing written"))).toHaveLength(61);
  await confirm("t99");
  await tab.engine.tidy();
  const second = keysIn(written[1] ?? expect.fail("nothing written"));
  expect(second).toEqual(expect.arrayContaining(["board task/t99", "column-counts todo", "$streams task/t99"]));
  expect(second.length).toBeLessThan(10);
  await tab.engine.tidy();
  expect(keysIn(written[2] ?? expect.fail("nothing written"))).toEqual([]);
  expect(rows((await reopened(database)).tab)).toEqual(rows(tab));
});

test("tidy: a tab that opened from stored rows writes only what changed, too", async () => {
  const { database, tab, server } = await tabWith("t1", "t2", "t3");
  await tab.engine.tidy();
  const { tab: again } = await reopened(database);
  let written: StoredRows | null = null;
  const writeRows = again.engine.store.writeRows.bind(again.engine.store);
  Object.assign(again.engine.store, {
    writeRows: (...[expected, stored, fresh]: Parameters<typeof writeRows>) => {
      written = stored;
      return writeRows(expected, stored, fresh);
    },
  });
  await again.engine.execute([task.command.rename("t2", { title: "Bread" })], null);
  await server.sync(again.engine);
  await again.engine.tidy();
  expect(keysIn(written ?? expect.fail("nothing written"))).toEqual(["$streams task/t2", "board task/t2"]);
  const last = await reopened(database);
  expect([last.records, rows(last.tab)]).toEqual([0, rows(again)]);
});

test("tidy: if another tab wrote rows meanwhile, the next call writes all", async () => {
  const { database, tab, written, confirm } = await tabWith("t1");
  await tab.engine.tidy();
  const { tab: other } = await reopened(database);
  await confirm("t2");
  await other.engine.refresh();
  await other.engine.tidy();
  await confirm("t3");
  await tab.engine.tidy();
  await tab.engine.tidy();
  expect(keysIn(written.at(-1) ?? expect.fail("nothing written"))).toHaveLength(7);
  const { tab: last, records } = await reopened(database);
  expect(records).toBe(0);
  expect(rows(last)).toEqual(rows(tab));
});

test("tidy: rows that vanish are gone after opening again", async () => {
  const gone = projection("open-tasks", {
    version: 1,
    from: [task],
    initial: null as { title: string } | null,
    on: { TaskAdded: (_, { data }) => ({ title: data.title }), TaskCompleted: () => null },
  });
  const small = defineDomain({ version: 1, aggregates: [task, column], projections: [gone] });
  const database = newDatabase();
  const tab = await openTab(small, database);
  const server = new RecordingServer();
  await tab.engine.execute([add("t1")], null);
  await tab.engine.execute([add("t2")], null);
  await server.sync(tab.engine);
  await tab.engine.tidy();
  await tab.engine.execute([task.command.complete("t1")], null);
  await server.sync(tab.engine);
  await tab.engine.tidy();
  const { tab: again, records } = await reopened(database, small);
  expect([records, again.shown(gone.name).map(({ key }) => key)]).toEqual([0, ["task/t2"]]);
});

test("restoreRows: rows of another version of a projection are ignored, and the log is folded", async () => {
  const { database, tab } = await tabWith("t1");
  await tab.engine.tidy();
  const loud = projection("board", {
    version: 2,
    from: [task],
    initial: null as { title: string } | null,
    on: { TaskAdded: (_, { data }) => ({ title: data.title.toUpperCase() }) },
  });
  for (const projections of [
    [loud, columnCounts],
    [columnCounts],
    [board, columnCounts, projection("more", { ...moreOptions })],
  ]) {
    const next = defineDomain({ version: 2, aggregates: [task, column], projections });
    const { tab: again, records } = await reopened(database, next);
    expect(records).toBe(1);
    for (const { name } of projections) expect(again.shown(name)).toHaveLength(1);
    if (projections[0] === loud) expect(again.shown("board")).toMatchObject([{ row: { title: "T1" } }]);
  }
});

const moreOptions = {
  version: 1,
  from: [task],
  initial: null as { n: number } | null,
  on: { TaskAdded: () => ({ n: 1 }) },
} as const;

const state = { version: 1, state: null, unreadable: null };
test.each([
  ["no JSON", "board", "{"],
  ["no list", "board", '{"a":1}'],
  ["a text", "board", '"every"'],
  ["an entry that is no list", "board", "[1]"],
  ["a key that is no text", "board", '[[1,{"title":"x"}]]'],
  ["an entry without a row", "board", '[["task/t1"]]'],
  ["one good entry and one without a row", "board", '[["task/t1",{"title":"x"}],["task/t2"]]'],
  ["a state that is null", "$streams", '[["task/t1",null]]'],
  ["a state that is a number", "$streams", '[["task/t1",1]]'],
  ["a state without a version", "$streams", JSON.stringify([["task/t1", { state: null, unreadable: null }]])],
  ["a version that is a text", "$streams", JSON.stringify([["task/t1", { ...state, version: "1" }]])],
  ["no state", "$streams", JSON.stringify([["task/t1", { version: 1, unreadable: null }]])],
  ["no mark of readability", "$streams", JSON.stringify([["task/t1", { version: 1, state: null }]])],
])("restoreRows: a damaged bucket is ignored, and the log is folded: %s", async (_, table, text) => {
  const { database, tab } = await tabWith("t1");
  await tab.engine.tidy();
  const damage = memoryLogStore(database);
  const stored = (await damage.readRows()) ?? expect.fail("no rows");
  const tables = stored.tables.map((one) =>
    one.table.startsWith(table) ? { ...one, buckets: one.buckets.map(({ bucket }) => ({ bucket, text })) } : one,
  );
  expect(
    await damage.writeRows({ generation: 0, rebuilds: 0, checkpoint: stored.checkpoint }, { ...stored, tables }, true),
  ).toBe(true);
  const { tab: again, records } = await reopened(database);
  expect(records).toBe(1);
  expect(rows(again)).toEqual(rows(tab));
  expect(again.engine.replica.stream("task/t1")).toEqual(tab.engine.replica.stream("task/t1"));
  // The next tidy replaces the damaged rows.
  await again.engine.tidy();
  expect((await reopened(database)).records).toBe(0);
});

test("tidy: rows that lack an event are not stored, because a newer version shows it", async () => {
  const fussy = (isNew: boolean) =>
    defineDomain({
      version: 1,
      aggregates: [task, column],
      projections: [
        projection("fussy", {
          version: 1,
          from: [task],
          initial: null as { title: string } | null,
          on: {
            TaskAdded: (_, { data }) => {
              if (!isNew) throw new Error("not yet");
              return { title: data.title };
            },
          },
        }),
      ],
    });
  const database = newDatabase();
  const tab = await openTab(fussy(false), database);
  await tab.engine.execute([add("t1")], null);
  await new RecordingServer().sync(tab.engine);
  expect(tab.engine.summary.parked.count).toBe(1);
  await tab.engine.tidy();
  const { tab: again } = await reopened(database, fussy(true));
  expect(again.shown("fussy").map(({ key }) => key)).toEqual(["task/t1"]);
});

test("tidy: any history opens again as it was, whenever rows were stored", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(5), fc.constantFrom("add", "rename", "complete", "tidy", "reopen")), { maxLength: 30 }),
      async (steps) => {
        const database = newDatabase();
        const server = new RecordingServer();
        let tab = await openTab(domain, database);
        for (const [n, step] of steps) {
          if (step === "tidy") await tab.engine.tidy();
          else if (step === "reopen") tab = await openTab(domain, database);
          else {
            const command =
              step === "add"
                ? add(`t${n}`)
                : step === "rename"
                  ? task.command.rename(`t${n}`, { title: `${n}` })
                  : task.command.complete(`t${n}`);
            await tab.engine.execute([command], null).catch(() => null);
            await server.sync(tab.engine);
          }
        }
        await tab.engine.tidy();
        const { tab: again, records } = await reopened(database);
        const elsewhere = await openTab(domain, newDatabase());
        await server.pull(elsewhere.engine);
        expect(records).toBe(0);
        expect(rows(again)).toEqual(rows(elsewhere));
      },
    ),
    { numRuns: 40 },
  );
});

test("tidy: spreads the rows evenly over the buckets, and keeps each row in its bucket for ever", async () => {
  const database = newDatabase();
  const tab = await openTab(domain, database);
  const server = new RecordingServer();
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => tab.engine.execute([add(`t${n}`)], null)));
  await server.sync(tab.engine);
  await tab.engine.tidy();
  const stored = (await tab.engine.store.readRows())?.tables.find(({ table }) => table.startsWith("board"));
  const buckets = new Map(stored?.buckets.map(({ bucket, text }) => [bucket, JSON.parse(text) as [string][]]));
  expect([...buckets.keys()].every((bucket) => bucket >= 0 && bucket < BUCKETS)).toBe(true);
  expect(Math.max(...[...buckets.values()].map((entries) => entries.length))).toBeLessThan(15);
  // An older version of the app stored the rows by these numbers.
  const bucketOf = (key: string) => [...buckets].find(([, entries]) => entries.some(([one]) => one === key))?.[0];
  expect(["task/t0", "task/t1", "task/t999"].map(bucketOf)).toEqual([197, 50, 16]);
});

test("row that is not JSON: its event is parked, before and after a reload", async () => {
  const visitors = projection("visitors", {
    version: 1,
    from: [task],
    initial: { titles: [] as readonly unknown[] },
    key: () => "all",
    on: {
      TaskAdded: ({ titles }, { data }) => ({
        titles: [...titles, data.title === "t2" ? new Set(["t2"]) : data.title],
      }),
    },
  });
  const release = defineDomain({ version: 1, aggregates: [task, column], projections: [visitors] });
  const [database, server] = [newDatabase(), new RecordingServer()];
  const first = await openTab(release, database);
  const seen = (tab: EngineTab) => [tab.shown("visitors").map(({ row }) => row), tab.engine.summary.parked.count];
  for (const id of ["t1", "t2", "t3"]) await first.engine.execute([add(id)], null);
  const expected = [[{ titles: ["t1", "t3"] }], 1];
  expect(seen(first)).toEqual(expected);
  await server.sync(first.engine);
  await first.engine.tidy();
  expect([seen(first), seen(await openTab(release, database))]).toEqual([expected, expected]);
});
