/** L6, L7 and L9: the data that a reader gets. */
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
    name: "refresh: shows a commit as pending or as confirmed, never as both or neither",
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
          requireEqual(positionOf(batches.at(-1)?.cursor ?? null), positionOf(head.cursor), "the end of the batches");
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
    name: "refresh: returns what is new, and the numbers that are still pending",
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
      requireEqual((await store.refresh({ position: 4, pendingTail: 4 })).batches, [], "nothing after the end");
      requireEqual(
        (await store.refresh({ position: 90, pendingTail: Number.MAX_SAFE_INTEGER })).batches,
        [],
        "nothing after a position ahead of the log",
      );
    },
  },
  {
    rule: "L7",
    name: "refresh: returns confirmed text byte for byte",
    async check({ open }) {
      const store = await open();
      const record = { ...recordOf(1, 1, "m1"), meta: { text: "Grüße 👋 \u2028 \u0000", number: 1.5e-7 } };
      const recordText = JSON.stringify(record).replaceAll("ü", "\\u00fc");
      const text = `{ "more":false,\n\t"records" : [ ${recordText} ], "outcomes":[] }`;
      const batch = { after: null, cursor: cursorOf(record), text };
      await store.confirm(await store.head(), confirmationOf(batch));
      store.close();
      requireEqual((await (await open()).refresh(ALL)).batches, [batch], "batches");
    },
  },
  {
    rule: "L7",
    name: "refresh: from any record on, returns exactly the later records, sealed or not",
    async check({ open }) {
      const store = await open();
      for (const events of [[1, 40, 300], [500, 2, 100], [1, 1], [200], [1024], [1500, 3]])
        await confirmRecords(store, events);
      const first = await checkEveryPosition(store, "before sealing");
      await store.seal();
      requireEqual(await checkEveryPosition(store, "after sealing"), first, "records after sealing");
      for (const events of [[1023, 1], [700]]) await confirmRecords(store, events);
      const grown = await checkEveryPosition(store, "after it grew");
      requireEqual(grown.slice(0, first.length), first, "records after it grew");
      await store.seal();
      requireEqual(await checkEveryPosition(store, "sealed again"), grown, "records after it was sealed again");
    },
  },
  {
    rule: "L7",
    name: "refresh: returns a long log in pages of about 4 MiB, without a gap or a duplicate",
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
    name: "seal: joins many batches into few runs, and changes nothing else for a reader",
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
    name: "seal: leaves a short or empty log unchanged",
    async check({ open }) {
      const store = await open();
      await store.seal();
      await confirmRecords(store, [500]);
      await confirmRecords(store, [523]);
      const before = await store.refresh(ALL);
      await store.seal();
      requireEqual(await store.refresh(ALL), before, "the stored state");
    },
  },
  {
    rule: "L9",
    name: "seal: tabs that seal while a leader confirms lose no record",
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

/** Checks the read from the end of each record on. Returns all records. */
async function checkEveryPosition(store: LogStore, state: string): Promise<readonly string[]> {
  const all = recordTexts((await readAll(store)).batches, null);
  for (const [index, text] of all.entries()) {
    const end = cursorOf(parseOwnJson<CommitRecord>(text));
    requireEqual(
      recordTexts((await readAll(store, end.position)).batches, end),
      all.slice(index + 1),
      `records after position ${end.position}, ${state}`,
    );
  }
  return all;
}
