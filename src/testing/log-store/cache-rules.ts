/** L8 and L10: rows are a cache, and a handle may lose its database. */
import { confirmRecords, entriesOf, requireFailure } from "./fixtures.ts";
import type { StoredRows } from "../../client/stores/log-store.ts";
import type { Cursor } from "../../core/history/record.ts";
import { requireEqual } from "../require.ts";
import type { LogStoreRule } from "./rule.ts";

function rowsAt(
  checkpoint: Cursor | null,
  tables: { readonly [table: string]: { readonly [bucket: number]: string } },
): StoredRows {
  if (!checkpoint) throw new Error("Rows need a checkpoint");
  return {
    checkpoint,
    tables: Object.entries(tables).map(([table, buckets]) => ({
      table,
      buckets: Object.entries(buckets).map(([bucket, text]) => ({ bucket: Number(bucket), text })),
    })),
  };
}

export const cacheRules: readonly LogStoreRule[] = [
  {
    rule: "L8",
    name: "rows come back as a whole set of one checkpoint, an empty table too",
    async check({ open }) {
      const store = await open();
      requireEqual(await store.readRows(), null, "before any were written");
      const { generation, cursor } = await confirmRecords(store, [1]);
      const first = rowsAt(cursor, { "tasks@1": { 0: "[[1,2]]", 255: "[]" }, "empty@1": {} });
      requireEqual(await store.writeRows({ generation, checkpoint: null }, first, true), true, "the first write");
      const next = await confirmRecords(store, [1]);
      requireEqual(
        await store.writeRows(
          { generation, checkpoint: cursor },
          rowsAt(next.cursor, { "tasks@1": { 0: "[[1,3]]", 7: "[[4,4]]" } }),
          false,
        ),
        true,
        "a write of what changed",
      );
      store.close();
      const merged = rowsAt(next.cursor, { "tasks@1": { 0: "[[1,3]]", 7: "[[4,4]]", 255: "[]" }, "empty@1": {} });
      requireEqual(sorted(await (await open()).readRows()), sorted(merged), "all rows");
    },
  },
  {
    rule: "L8",
    name: "rows that were folded on another checkpoint or generation are not written",
    async check({ open }) {
      const store = await open();
      const { generation, cursor } = await confirmRecords(store, [1]);
      const rows = rowsAt(cursor, { t: { 1: "[]" } });
      requireEqual(
        await store.writeRows({ generation, checkpoint: cursor }, rows, false),
        false,
        "a checkpoint where there is none",
      );
      requireEqual(
        await store.writeRows({ generation: generation + 1, checkpoint: null }, rows, true),
        false,
        "another generation",
      );
      requireEqual(
        await store.writeRows({ generation, checkpoint: null }, rowsAt({ position: 2, mark: "x" }, {}), true),
        false,
        "rows ahead of the log",
      );
      requireEqual(await store.readRows(), null, "what stands");
      await store.writeRows({ generation, checkpoint: null }, rows, true);
      requireEqual(
        await store.writeRows({ generation, checkpoint: null }, rowsAt(cursor, { u: {} }), true),
        false,
        "none where there are some",
      );
      requireEqual(await store.readRows(), rows, "what stands");
    },
  },
  {
    rule: "L8",
    name: "fresh rows leave nothing of the old ones",
    async check({ open }) {
      const store = await open();
      const { generation, cursor } = await confirmRecords(store, [1]);
      await store.writeRows(
        { generation, checkpoint: null },
        rowsAt(cursor, { old: { 1: "[1]" }, both: { 1: "[1]", 2: "[1]" } }),
        true,
      );
      const fresh = rowsAt(cursor, { both: { 2: "[2]" } });
      requireEqual(await store.writeRows({ generation, checkpoint: cursor }, fresh, true), true, "the write");
      requireEqual(await store.readRows(), fresh, "all rows");
    },
  },
  {
    rule: "L8",
    name: "rows that lie ahead of a log that was cut back are gone; others stay, and can be written on",
    async check({ open }) {
      const store = await open();
      const first = await confirmRecords(store, [1]);
      const head = await confirmRecords(store, [1]);
      await store.writeRows({ generation: 0, checkpoint: null }, rowsAt(first.cursor, { t: { 1: "[1]" } }), true);
      await store.cutBack(head, first.cursor, []);
      requireEqual((await store.readRows())?.checkpoint ?? null, first.cursor, "rows at the place of the cut");
      await store.cutBack(await store.head(), null, []);
      requireEqual(await store.readRows(), null, "rows ahead of it");
      const { generation, cursor } = await confirmRecords(store, [1]);
      requireEqual(await store.readRows(), null, "nor do they come back when the log grows");
      requireEqual(
        await store.writeRows({ generation, checkpoint: null }, rowsAt(cursor, { t: { 2: "[2]" } }), false),
        true,
        "a new write",
      );
      requireEqual(await store.readRows(), rowsAt(cursor, { t: { 2: "[2]" } }), "all rows");
    },
  },
  {
    rule: "L10",
    name: "a closed handle answers that it is lost; the others go on",
    async check({ open }) {
      const [closed, other] = [await open(), await open()];
      const appending = closed.appendPending(0, entriesOf("a"), []).then(
        (appended) => appended,
        () => false,
      );
      closed.close();
      const appended = await appending;
      await requireFailure("storage-lost", closed.head(), "head");
      await requireFailure("storage-lost", closed.appendPending(0, entriesOf("b"), []), "appendPending");
      requireEqual((await other.head()).pendingTail, appended ? 1 : 0, "what the other tab sees");
    },
  },
  {
    rule: "L10",
    name: "after the database was deleted every handle is lost, and the next one begins anew",
    async check({ open }) {
      const [here, there] = [await open(), await open()];
      await here.appendPending(0, entriesOf("a"), []);
      const { client } = await here.head();
      await here.destroy();
      await requireFailure("storage-lost", here.head(), "the handle that deleted it");
      await requireFailure("storage-lost", there.appendPending(1, entriesOf("b"), []), "another handle");
      const head = await (await open()).head();
      requireEqual(
        [head.pendingTail, head.generation, head.cursor, head.client === client],
        [0, 0, null, false],
        "the new database",
      );
    },
  },
];

function sorted(rows: StoredRows | null) {
  return (
    rows && {
      ...rows,
      tables: [...rows.tables]
        .sort((a, b) => (a.table < b.table ? -1 : 1))
        .map(({ table, buckets }) => ({ table, buckets: [...buckets].sort((a, b) => a.bucket - b.bucket) })),
    }
  );
}
