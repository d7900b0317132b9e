/** L6, L7 and L9: what a reader sees. */
import {
  ALL,
  batchOf,
  confirmationOf,
  confirmRecords,
  entriesOf,
  nameOf,
  readAll,
  recordOf,
  recordTexts,
  settledOf,
} from "./fixtures.ts";
import type { LogStore } from "../../client/stores/log-store.ts";
import { type CommitRecord, cursorOf, positionOf } from "../../core/history/record.ts";
import { requireEqual, requireThat } from "../require.ts";
import type { LogStoreRule } from "./rule.ts";
import { parseOwnJson } from "../../core/values/json.ts";

export const readingRules: readonly LogStoreRule[] = [
  {
    rule: "L6",
    name: "a reader sees a commit pending or confirmed, never both and never neither, while a leader writes",
    async check({ open }) {
      const [leader, reader] = [await open(), await open()];
      const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
      await leader.appendPending(0, entriesOf(...names), []);
      let writing = true;
      const write = async () => {
        for (const [index, name] of names.entries())
          await confirmRecords(leader, [1], { settled: [settledOf(index + 1, name)] });
        writing = false;
      };
      const read = async () => {
        do {
          const { head, batches, pending, pendingNumbers } = await reader.refresh(ALL);
          requireEqual(positionOf(batches.at(-1)?.cursor ?? null), positionOf(head.cursor), "where the batches end");
          requireEqual(positionOf(head.cursor) + pending.length, names.length, "confirmed and pending commits");
          requireEqual(
            pendingNumbers,
            pending.map(({ n }) => n),
            "numbers of pending commits",
          );
        } while (writing);
      };
      await Promise.all([write(), read(), read()]);
    },
  },
  {
    rule: "L6",
    name: "a reader is told what is new behind a position and a number, and which numbers still stand",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a", "b", "c", "d"), []);
      await confirmRecords(store, [1, 1], { settled: [settledOf(1, "a")] });
      const { cursor } = await confirmRecords(store, [2]);
      const seen = await store.refresh({ position: 2, pendingTail: 3 });
      requireEqual([seen.pending.map(nameOf), seen.pendingNumbers], [["d"], [2, 3, 4]], "pending");
      requireEqual(
        seen.batches.map((batch) => [positionOf(batch.after), batch.cursor]),
        [[2, cursor]],
        "batches",
      );
      requireEqual((await store.refresh({ position: 4, pendingTail: 4 })).batches, [], "nothing behind the end");
      requireEqual(
        (await store.refresh({ position: 90, pendingTail: Number.MAX_SAFE_INTEGER })).batches,
        [],
        "nothing behind a place ahead of the log",
      );
    },
  },
  {
    rule: "L7",
    name: "a text comes back byte for byte, whatever else stands in it",
    async check({ open }) {
      const store = await open();
      const record = { ...recordOf(1, 1, "m1"), meta: { text: "Grüße 👋 \u2028 \u0000", number: 1.5e-7 } };
      const text = `{ "more":false,\n\t"records" : [ ${JSON.stringify(record).replaceAll("ü", "\\u00fc")} ], "outcomes":[] }`;
      const batch = { after: null, cursor: cursorOf(record), text };
      await store.confirm(await store.head(), confirmationOf(batch));
      store.close();
      requireEqual((await (await open()).refresh(ALL)).batches, [batch], "batches");
    },
  },
  {
    rule: "L7",
    name: "from any record on, a reader gets exactly what lies behind it, sealed or not",
    async check({ open }) {
      const store = await open();
      for (const events of [[1, 40, 300], [500, 2, 100], [1, 1], [200], [1024], [1500, 3]])
        await confirmRecords(store, events);
      const first = await checkEveryPlace(store, "before sealing");
      await store.seal();
      requireEqual(await checkEveryPlace(store, "after sealing"), first, "records after sealing");
      for (const events of [[1023, 1], [700]]) await confirmRecords(store, events);
      const grown = await checkEveryPlace(store, "after it grew");
      requireEqual(grown.slice(0, first.length), first, "records after it grew");
      await store.seal();
      requireEqual(await checkEveryPlace(store, "sealed again"), grown, "records after it was sealed again");
    },
  },
  {
    rule: "L7",
    name: "a long log comes in pages of some 4 MiB, without gap or double",
    async check({ open }) {
      const store = await open();
      const text = "x".repeat(900 * 1024);
      for (let index = 0; index < 16; index++) {
        const head = await store.head();
        const record = recordOf(positionOf(head.cursor) + 1, 2, `m${index}`, index % 2 === 0 ? text : `${index}`);
        await store.confirm(head, confirmationOf(batchOf(head.cursor, [record])));
        if (index === 7) await store.seal();
      }
      const { batches, pages } = await readAll(store);
      requireThat(pages >= 4 && pages <= 6, `8 texts of 1.8 MiB need 4 pages or few more (${pages})`);
      requireEqual(recordTexts(batches, null).length, 16, "records");
      requireEqual(batches.at(-1)?.cursor ?? null, (await store.head()).cursor, "the end");
    },
  },
  {
    rule: "L9",
    name: "sealing makes few runs of many, and no reader sees a difference but that",
    async check({ open }) {
      const store = await open();
      for (let index = 0; index < 41; index++) await confirmRecords(store, [50]);
      const before = await readAll(store);
      await store.seal();
      const after = await readAll(store);
      requireEqual({ ...after.last, batches: [] }, { ...before.last, batches: [] }, "head, pending and rejections");
      requireEqual(recordTexts(after.batches, null), recordTexts(before.batches, null), "records");
      requireThat(
        after.batches.length <= 4 && before.batches.length === 41,
        `few runs (${after.batches.length} of ${before.batches.length})`,
      );
      for (const { after: start, cursor } of after.batches)
        requireThat(cursor.position - positionOf(start) <= 1024, "a run has at most 1,024 events");
    },
  },
  {
    rule: "L9",
    name: "a log that has little to seal, or nothing, stays as it is",
    async check({ open }) {
      const store = await open();
      await store.seal();
      await confirmRecords(store, [500]);
      await confirmRecords(store, [523]);
      const before = await store.refresh(ALL);
      await store.seal();
      requireEqual(await store.refresh(ALL), before, "what stands");
    },
  },
  {
    rule: "L9",
    name: "tabs that seal at the same time, while a leader confirms, do no harm",
    async check({ open }) {
      const [a, b, leader] = [await open(), await open(), await open()];
      for (let round = 0; round < 4; round++) {
        const sealing = [a.seal(), b.seal()];
        for (const events of [[300, 300, 1], [900], [5], [2]]) {
          await confirmRecords(leader, events);
          sealing.push(a.seal(), b.seal());
        }
        await Promise.all(sealing);
      }
      const { batches, last } = await readAll(a);
      requireEqual(recordTexts(batches, null).length, 24, "records");
      requireEqual(positionOf(last.head.cursor), 4 * 1508, "the cursor");
    },
  },
];

/** Reads from the end of each record on. Gives all records. */
async function checkEveryPlace(store: LogStore, state: string): Promise<readonly string[]> {
  const all = recordTexts((await readAll(store)).batches, null);
  for (const [index, text] of all.entries()) {
    const end = cursorOf(parseOwnJson<CommitRecord>(text));
    requireEqual(
      recordTexts((await readAll(store, end.position)).batches, end),
      all.slice(index + 1),
      `records behind position ${end.position}, ${state}`,
    );
  }
  return all;
}
