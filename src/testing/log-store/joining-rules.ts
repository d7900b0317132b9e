/** L14: a log that begins at the rows of a base. */
import type { StoredRows } from "../../client/stores/log-store.ts";
import { ALL, confirmRecords, entriesOf, nameOf } from "./fixtures.ts";
import { requireEqual, requireThat } from "../require.ts";
import type { LogStoreRule } from "./rule.ts";

const BASE: StoredRows = {
  checkpoint: { position: 40, mark: "base" },
  tables: [
    { table: "board@1", buckets: [{ bucket: 7, text: '[["a",1]]' }] },
    { table: "empty@1", buckets: [] },
  ],
  version: 2,
};

export const joiningRules: readonly LogStoreRule[] = [
  {
    rule: "L14",
    name: "join: an empty log begins at the rows of a base, and keeps its pending commits",
    async check({ open }) {
      const [here, there] = [await open(), await open()];
      await here.appendPending(0, entriesOf("a"), []);
      const empty = await here.head();
      requireEqual(await here.join({ generation: empty.generation + 1 }, BASE), false, "another generation");
      requireEqual(await here.head(), empty, "the head after a refused call");
      requireEqual(await here.join(empty, BASE), true, "the call on an empty log");
      const { head, batches, more, pending } = await there.refresh(ALL);
      requireEqual([head.cursor, head.generation], [BASE.checkpoint, empty.generation + 1], "the head");
      requireEqual([batches, more], [[], false], "the records of the log");
      requireEqual(pending.map(nameOf), ["a"], "the pending commits");
      requireEqual(await there.readRows(), BASE, "the rows");
      requireEqual(await there.join(head, BASE), false, "a second call");
    },
  },
  {
    rule: "L14",
    name: "join: the end of a dropped log stays until the log reaches it, before the base or behind it",
    async check({ open }) {
      const store = await open();
      const end = { position: 42, mark: "end" };
      await store.cutBack(await store.head(), null, [], end);
      requireThat(await store.join(await store.head(), BASE), "the call on an empty log");
      requireEqual((await store.refresh(ALL)).head.droppedEnd, end, "the end behind the base");
      requireEqual((await confirmRecords(store, [2])).droppedEnd, null, "the end that the log has reached");
      await store.cutBack(await store.head(), null, [], { position: 40, mark: "end" });
      requireThat(await store.join(await store.head(), BASE), "the second call");
      requireEqual((await store.head()).droppedEnd, null, "an end that the base has reached");
    },
  },
  {
    rule: "L14",
    name: "join: the records behind a base are read, sealed or not, from any position before it",
    async check({ open }) {
      const [here, there] = [await open(), await open()];
      await here.join(await here.head(), BASE);
      await confirmRecords(here, [1, 2, 1]);
      for (let n = 0; n < 2; n++) {
        for (const position of [0, 10, 40]) {
          const { batches } = await there.refresh({ position, pendingTail: 0 });
          requireEqual(batches[0]?.after ?? null, BASE.checkpoint, `the first batch behind ${position}`);
          requireEqual(batches.at(-1)?.cursor.position ?? null, 44, `the end of the log behind ${position}`);
        }
        await here.seal();
      }
    },
  },
  {
    rule: "L14",
    name: "join: a cut behind the stored rows keeps the base, and any other cut keeps nothing",
    async check({ open }) {
      const store = await open();
      await store.join(await store.head(), BASE);
      await confirmRecords(store, [1, 1]);
      const atBase = await store.cutBack(await store.head(), BASE.checkpoint, []);
      requireEqual(atBase?.cursor ?? null, BASE.checkpoint, "the cut at the base");
      requireEqual(await store.readRows(), BASE, "the rows after the cut at the base");
      await confirmRecords(store, [1]);
      const { cursor, generation, rebuilds } = await store.head();
      if (cursor === null) throw new Error("The log has no end");
      requireThat(
        await store.writeRows(
          { generation, rebuilds, checkpoint: BASE.checkpoint },
          { ...BASE, checkpoint: cursor },
          false,
        ),
        "rows at the end",
      );
      const cut = await store.cutBack(await store.head(), BASE.checkpoint, entriesOf("a"));
      requireEqual(cut?.cursor ?? null, null, "a cut before the stored rows");
      requireEqual(cut?.droppedEnd ?? null, BASE.checkpoint, "the end that the cut remembers");
      requireEqual((await store.refresh(ALL)).head.droppedEnd, BASE.checkpoint, "the end in the store");
      requireEqual(await store.readRows(), null, "the rows after that");
      requireEqual((await store.refresh(ALL)).pending.map(nameOf), ["a"], "the pending commits");
      await confirmRecords(store, [1]);
      requireEqual((await store.refresh(ALL)).batches[0]?.after ?? null, null, "the first batch of the whole log");
    },
  },
];
