/** L8 and L10: rows are a cache, and a handle can lose its database. */
import { confirmRecords, entriesOf, requireFailure } from "./fixtures.ts";
import type { StoredRows } from "../../client/stores/log-store.ts";
import type { Cursor } from "../../core/history/record.ts";
import { requireEqual } from "../require.ts";
import type { LogStoreRule } from "./rule.ts";

function rowsAt(
  checkpoint: Cursor | null,
  tables: { readonly [table: string]: { readonly [bucket: number]: string } },
  version?: number,
): StoredRows {
  if (!checkpoint) throw new Error("Rows need a checkpoint");
  return {
    checkpoint,
    tables: Object.entries(tables).map(([table, buckets]) => ({
      table,
      buckets: Object.entries(buckets).map(([bucket, text]) => ({ bucket: Number(bucket), text })),
    })),
    ...(version !== undefined && { version }),
  };
}

export const cacheRules: readonly LogStoreRule[] = [
  {
    rule: "L8",
    name: "readRows: returns all rows of one checkpoint, also an empty table",
    async check({ open }) {
      const store = await open();
      requireEqual(await store.readRows(), null, "before any were written");
      const { generation, cursor } = await confirmRecords(store, [1]);
      const first = rowsAt(cursor, { "tasks@1": { 0: "[[1,2]]", 255: "[]" }, "empty@1": {} });
      requireEqual(
        await store.writeRows({ generation, rebuilds: 0, checkpoint: null }, first, true),
        true,
        "the first write",
      );
      const next = await confirmRecords(store, [1]);
      requireEqual(
        await store.writeRows(
          { generation, rebuilds: 0, checkpoint: cursor },
          rowsAt(next.cursor, { "tasks@1": { 0: "[[1,3]]", 7: "[[4,4]]" } }, 3),
          false,
        ),
        true,
        "a write of changed buckets",
      );
      store.close();
      const merged = rowsAt(next.cursor, { "tasks@1": { 0: "[[1,3]]", 7: "[[4,4]]", 255: "[]" }, "empty@1": {} }, 3);
      requireEqual(sorted(await (await open()).readRows()), sorted(merged), "all rows");
    },
  },
  {
    rule: "L8",
    name: "writeRows: writes nothing on another checkpoint or generation",
    async check({ open }) {
      const store = await open();
      const { generation, cursor } = await confirmRecords(store, [1]);
      const rows = rowsAt(cursor, { t: { 1: "[]" } });
      requireEqual(
        await store.writeRows({ generation, rebuilds: 0, checkpoint: cursor }, rows, false),
        false,
        "a checkpoint where there is none",
      );
      requireEqual(
        await store.writeRows({ generation: generation + 1, rebuilds: 0, checkpoint: null }, rows, true),
        false,
        "another generation",
      );
      requireEqual(
        await store.writeRows(
          { generation, rebuilds: 0, checkpoint: null },
          rowsAt({ position: 2, mark: "x" }, {}),
          true,
        ),
        false,
        "rows ahead of the log",
      );
      requireEqual(await store.readRows(), null, "the stored rows");
      await store.writeRows({ generation, rebuilds: 0, checkpoint: null }, rows, true);
      requireEqual(
        await store.writeRows({ generation, rebuilds: 0, checkpoint: null }, rowsAt(cursor, { u: {} }), true),
        false,
        "no checkpoint, but the store has rows",
      );
      requireEqual(await store.readRows(), rows, "the stored rows");
    },
  },
  {
    rule: "L8",
    name: "writeRows: fresh rows replace all old rows",
    async check({ open }) {
      const store = await open();
      const { generation, cursor } = await confirmRecords(store, [1]);
      await store.writeRows(
        { generation, rebuilds: 0, checkpoint: null },
        rowsAt(cursor, { old: { 1: "[1]" }, both: { 1: "[1]", 2: "[1]" } }),
        true,
      );
      const fresh = rowsAt(cursor, { both: { 2: "[2]" } });
      requireEqual(
        await store.writeRows({ generation, rebuilds: 0, checkpoint: cursor }, fresh, true),
        true,
        "the write",
      );
      requireEqual(await store.readRows(), fresh, "all rows");
    },
  },
  {
    rule: "L8",
    name: "readRows: after cutBack, returns null for rows ahead of the log, and keeps other rows",
    async check({ open }) {
      const store = await open();
      const first = await confirmRecords(store, [1]);
      const head = await confirmRecords(store, [1]);
      await store.writeRows(
        { generation: 0, rebuilds: 0, checkpoint: null },
        rowsAt(first.cursor, { t: { 1: "[1]" } }),
        true,
      );
      await store.cutBack(head, first.cursor, []);
      requireEqual((await store.readRows())?.checkpoint ?? null, first.cursor, "rows at the position of the cut");
      await store.cutBack(await store.head(), null, []);
      requireEqual(await store.readRows(), null, "rows ahead of the log");
      const { generation, cursor } = await confirmRecords(store, [1]);
      requireEqual(await store.readRows(), null, "rows after the log grew again");
      requireEqual(
        await store.writeRows(
          { generation, rebuilds: 0, checkpoint: null },
          rowsAt(cursor, { t: { 2: "[2]" } }),
          false,
        ),
        true,
        "a new write",
      );
      requireEqual(await store.readRows(), rowsAt(cursor, { t: { 2: "[2]" } }), "all rows");
    },
  },
  {
    rule: "L13",
    name: "replaceRows: replaces all rows once, and refuses the old rows of another tab after that",
    async check({ open }) {
      const store = await open();
      const { generation, cursor } = await confirmRecords(store, [1]);
      const old = rowsAt(cursor, { old: { 1: "[1]" }, both: { 1: "[1]", 2: "[1]" } });
      await store.writeRows({ generation, rebuilds: 0, checkpoint: null }, old, true);
      const rebuilt = rowsAt(cursor, { both: { 2: "[2]" } }, 2);
      const ahead = rowsAt({ position: 2, mark: "x" }, {});
      requireEqual(await store.replaceRows({ generation: generation + 1, rebuilds: 0 }, rebuilt), false, "generation");
      requireEqual(await store.replaceRows({ generation, rebuilds: 1 }, rebuilt), false, "another number of rebuilds");
      requireEqual(await store.replaceRows({ generation, rebuilds: 0 }, ahead), false, "rows ahead of the log");
      requireEqual(sorted(await store.readRows()), sorted(old), "the rows before");
      const other = await open();
      requireEqual(await other.replaceRows({ generation, rebuilds: 0 }, rebuilt), true, "the first tab");
      requireEqual(await store.replaceRows({ generation, rebuilds: 0 }, old), false, "the second tab");
      const expected = { generation, rebuilds: 0, checkpoint: cursor };
      requireEqual(await store.writeRows(expected, old, false), false, "changed buckets of the old rows");
      requireEqual(await store.writeRows(expected, old, true), false, "all old rows");
      requireEqual(await store.readRows(), rebuilt, "the rows after");
      const heads = [await store.head(), (await store.refresh({ position: 0, pendingTail: 0 })).head];
      requireEqual(
        heads.map(({ rebuilds }) => rebuilds),
        [1, 1],
        "the number of rebuilds",
      );
      const next = await confirmRecords(store, [1]);
      const cut = await store.cutBack(await store.head(), null, []);
      requireEqual(
        [next.rebuilds, cut?.rebuilds ?? null, (await store.head()).rebuilds],
        [1, 1, 1],
        "after other writes",
      );
    },
  },
  {
    rule: "L10",
    name: "close: the closed handle reports storage-lost, and other handles continue",
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
      requireEqual((await other.head()).pendingTail, appended ? 1 : 0, "the tail in the other tab");
    },
  },
  {
    rule: "L10",
    name: "destroy: every handle reports storage-lost, and the next handle starts empty",
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
