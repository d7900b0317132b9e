/** Packed tables: the same rows after packing and unpacking, and nothing of damaged or foreign texts. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { proposeCommit } from "../../../../src/core/decide/propose-commit.ts";
import type { DomainDefinition } from "../../../../src/core/domain/definition.ts";
import { foldRecord } from "../../../../src/core/fold/fold.ts";
import {
  bucketOf,
  BUCKETS,
  type PackedTable,
  packTables,
  tableNames,
  tablesOf,
  textHash,
  unpackTables,
} from "../../../../src/core/fold/packed-tables.ts";
import { ConfirmedRows, STREAMS_TABLE } from "../../../../src/core/fold/rows.ts";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { defineDomain, projection } from "../../../../src/index.ts";
import { author } from "../../../support/core/author.ts";
import { commands } from "../../../support/core/commands.ts";
import { logOf, NOW, viewOf } from "../../../support/core/scene.ts";
import { push } from "../../../support/core/server-model.ts";
import { column, tally, task, taskDomain } from "../../../support/task-domain.ts";

const domain = taskDomain.definition;

const someLog = fc.array(commands, { minLength: 1, maxLength: 12 }).map((list) => {
  const server = logOf();
  for (const requests of list) {
    const proposed = proposeCommit(domain, viewOf(server), requests, author());
    if ("commit" in proposed) push(server, proposed.commit, NOW);
  }
  return server.records;
});

function folded(records: readonly CommitRecord[], rows = new ConfirmedRows(domain, () => {})): ConfirmedRows {
  for (const record of records) foldRecord(domain, rows, record);
  return rows;
}

function unpacked(tables: readonly PackedTable[], by: DomainDefinition = domain): ConfirmedRows | null {
  const fill = unpackTables(by, tables);
  const rows = new ConfirmedRows(by, () => {});
  fill?.(rows);
  return fill && rows;
}

const contents = (rows: ConfirmedRows | null) => rows && { streams: rows.streams, tables: rows.tables };

/** Each bucket by its table and number. */
const bucketsIn = (tables: readonly PackedTable[]) =>
  new Map(tables.flatMap(({ table, buckets }) => buckets.map(({ bucket, text }) => [`${table} ${bucket}`, text])));

/** The packed tables of a log, with one bucket text or table changed. */
function changed(tables: readonly PackedTable[], at: number, change: (text: string) => string): readonly PackedTable[] {
  let n = 0;
  return tables.map(({ table, buckets }) => ({
    table,
    buckets: buckets.map(({ bucket, text }) => ({ bucket, text: n++ === at ? change(text) : text })),
  }));
}

test("unpackTables: returns the rows and states that were packed", () => {
  fc.assert(
    fc.property(someLog, (records) => {
      const rows = folded(records);
      expect(contents(unpacked(packTables(domain, rows)))).toEqual(contents(rows));
    }),
  );
});

test("unpackTables: folding more records changes only the rows that were filled", () => {
  const { records } = logOf();
  const fill = unpackTables(domain, packTables(domain, folded(records.slice(0, 2))));
  const [one, other] = [new ConfirmedRows(domain, () => {}), new ConfirmedRows(domain, () => {})];
  fill?.(one);
  folded(records.slice(2), one);
  fill?.(other);
  expect(contents(other)).toEqual(contents(folded(records.slice(0, 2))));
  expect(contents(one)).toEqual(contents(folded(records)));
});

test("packTables: the touched buckets replace those of before, and give the same rows", () => {
  fc.assert(
    fc.property(someLog, fc.nat(), (records, at) => {
      const touched = new Map<string, Set<number>>();
      const rows = new ConfirmedRows(domain, (table, key) => {
        const buckets = touched.get(table) ?? new Set();
        touched.set(table, buckets.add(bucketOf(key)));
      });
      const cut = at % (records.length + 1);
      const before = bucketsIn(packTables(domain, folded(records.slice(0, cut), rows)));
      touched.clear();
      folded(records.slice(cut), rows);
      const changes = packTables(domain, rows, touched);
      expect(changes.map(({ buckets }) => buckets.length)).toEqual(
        [...tableNames(domain).keys()].map((table) => touched.get(table)?.size ?? 0),
      );
      for (const [bucket, text] of bucketsIn(changes)) before.set(bucket, text);
      // A bucket whose last row vanished is packed as an empty one.
      const after = new Map([...before].filter(([, text]) => text !== "[]"));
      expect(after).toEqual(bucketsIn(packTables(domain, rows)));
    }),
  );
});

test("packTables: packs each row once, in the bucket of its key", () => {
  fc.assert(
    fc.property(someLog, (records) => {
      const rows = folded(records);
      for (const [n, { buckets }] of packTables(domain, rows).entries()) {
        const name = [...tableNames(domain).keys()][n] ?? "";
        const keys = buckets.flatMap(({ bucket, text }) =>
          (JSON.parse(text) as [string][]).map(([key]) => {
            expect(bucketOf(key)).toBe(bucket);
            return key;
          }),
        );
        const table = name === STREAMS_TABLE ? rows.streams : (rows.tables.get(name) ?? new Map<string, unknown>());
        expect(keys.toSorted()).toEqual([...table.keys()].toSorted());
      }
    }),
  );
});

test("unpackTables: returns null if any bucket is damaged", () => {
  const damages = ["", "{", "null", "7", '"text"', "{}", "[1]", "[[]]", "[[1,2]]", '[["key"]]', "[null]"];
  fc.assert(
    fc.property(someLog, fc.nat(), fc.constantFrom(...damages), (records, at, damage) => {
      const tables = packTables(domain, folded(records));
      const count = bucketsIn(tables).size;
      expect(
        unpackTables(
          domain,
          changed(tables, at % count, () => damage),
        ),
      ).toBeNull();
    }),
  );
});

test.each([
  ["is null", null],
  ["is a text", "state"],
  ["is a number", 7],
  ["has no version", { state: null, unreadable: null }],
  ["has a version that is no whole number", { version: 1.5, state: null, unreadable: null }],
  ["has no state", { version: 1, unreadable: null }],
  ["does not say whether it is readable", { version: 1, state: null }],
])("unpackTables: returns null for a state of a stream that %s", (_, state) => {
  const tables = packTables(domain, folded(logOf().records));
  const of = (value: unknown) => changed(tables, 0, () => JSON.stringify([["task/t1", value]]));
  expect(unpackTables(domain, of({ version: 1, state: null, unreadable: null }))).not.toBeNull();
  expect(unpackTables(domain, of(state))).toBeNull();
});

test("unpackTables: a row may be any JSON, also null", () => {
  const tables = packTables(domain, folded([]));
  const board = tableNames(domain).get("board");
  const rows: [string, unknown][] = [0, false, "", null, [], {}].map((row, n) => [`k${n}`, row]);
  const filled = tables.map((one) =>
    one.table === board ? { ...one, buckets: [{ bucket: 0, text: JSON.stringify(rows) }] } : one,
  );
  expect([...(unpacked(filled)?.tables.get("board") ?? [])]).toEqual(rows);
});

test("unpackTables: returns null for tables of another version, and for more or fewer tables", () => {
  const tables = packTables(domain, folded(logOf().records));
  for (const other of [tables.slice(1), [...tables, { table: "extra", buckets: [] }], []])
    expect(unpackTables(domain, other)).toBeNull();
  const renamed = tables.map((one, n) => (n === 1 ? { ...one, table: `${one.table}x` } : one));
  expect(unpackTables(domain, renamed)).toBeNull();
  const twice = [...tables.slice(1), ...tables.slice(1, 2)];
  expect(unpackTables(domain, twice)).toBeNull();
});

test("tableNames: names a table with the versions of its projection and of its aggregates", () => {
  const counts = projection("counts", {
    version: 3,
    from: [task, column],
    initial: 0,
    on: { TaskAdded: (n) => n + 1 },
  });
  const small = defineDomain({ version: 1, aggregates: [tally, task, column], projections: [counts] }).definition;
  expect([...tableNames(small)]).toEqual([
    [STREAMS_TABLE, "$streams<column@1,tally@1,task@1"],
    ["counts", "counts@3<column@1,task@1"],
  ]);
});

test("tablesOf: puts each bucket into its table, and drops those of other tables", () => {
  const of = (table: string, bucket: number) => ({ table, bucket, text: `${table}${bucket}` });
  expect(tablesOf(["a", "b", "c"], [of("b", 1), of("a", 2), of("x", 3), of("b", 0)])).toEqual([
    { table: "a", buckets: [{ bucket: 2, text: "a2" }] },
    {
      table: "b",
      buckets: [
        { bucket: 1, text: "b1" },
        { bucket: 0, text: "b0" },
      ],
    },
    { table: "c", buckets: [] },
  ]);
});

test("bucketOf, textHash: return the same for ever, as stored rows and sent pages need it", () => {
  expect(["", "a", "task/t0", "task/t1", "task/t999", "é€😀"].map(bucketOf)).toEqual([197, 44, 197, 50, 16, 13]);
  expect(["", "a", "hello world"].map(textHash)).toEqual(["811c9dc5811c9dc5", "e40c292c30060474", "d58b3fa7461d6e81"]);
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(bucketOf(text)).toBeGreaterThanOrEqual(0);
      expect(bucketOf(text)).toBeLessThan(BUCKETS);
      expect(textHash(text)).toMatch(/^[0-9a-f]{16}$/);
    }),
  );
});
