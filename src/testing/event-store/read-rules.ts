/** S5 to S7 and S19: the data that a reader gets. */
import type { Cursor } from "../../core/history/record.ts";
import type { EventStore, ReadLimit, StoredRecord } from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireThat } from "../require.ts";
import { ALL, batch, readAll, recordsAfter, type Sample, write } from "./samples.ts";

type Rule = { readonly rule: string; readonly name: string; readonly check: (store: EventStore) => Promise<void> };

export const readRules: readonly Rule[] = [
  {
    rule: "S5",
    name: "read: returns the records after a cursor, and an empty page at the head",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 }, { commit: 2, events: 2 }, { commit: 3 });
      const records = await readAll(store, "log");
      for (const [n, { cursor }] of records.entries()) {
        requireEqual(
          await store.read("log", cursor, ALL),
          { kind: "page", records: records.slice(n + 1), head },
          `after record ${n}`,
        );
      }
    },
  },
  {
    rule: "S5",
    name: 'read: returns "diverged" for a cursor that is not from this log',
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 }, { commit: 2, events: 3 });
      const foreign: Cursor[] = [
        { position: 1, mark: "other" },
        { position: 4, mark: "other" },
        { position: 4, mark: "mark1" },
        { position: 5, mark: "mark2" },
        // Inside a record, where no cursor of the store ends.
        { position: 3, mark: "mark2" },
      ];
      for (const after of foreign)
        requireEqual(await store.read("log", after, ALL), { kind: "diverged", head }, JSON.stringify(after));
      requireEqual(
        await store.read("absent", head, ALL),
        { kind: "diverged", head: null },
        "a cursor on an absent log",
      );
    },
  },
  {
    rule: "S6",
    name: "read: pages end at record ends, stay within both limits, and join to the whole log",
    async check(store) {
      const samples: Sample[] = Array.from({ length: 30 }, (_, n) => ({
        commit: n,
        events: 1 + (n % 4),
        text: JSON.stringify("é".repeat(n % 7)),
      }));
      await write(store, "log", null, ...samples);
      const all = await readAll(store, "log");
      for (const limit of [
        { events: 1, bytes: 1 },
        { events: 5, bytes: 10_000 },
        { events: 1_000, bytes: 40 },
        { events: 7, bytes: 30 },
      ]) {
        const pages = await pagesOf(store, limit);
        requireEqual(pages.flat(), all, "the pages together");
        for (const page of pages)
          requireThat(
            page.length === 1 || fits(page, limit),
            `a page of ${page.length} records within ${JSON.stringify(limit)}`,
          );
      }
    },
  },
  {
    rule: "S6",
    name: "read: returns a record above the limit alone, so that readers can continue",
    async check(store) {
      const after = await write(store, "log", null, { commit: 1 });
      await write(
        store,
        "log",
        after,
        { commit: 2, events: 50, text: JSON.stringify("x".repeat(5_000)) },
        { commit: 3 },
      );
      const page = await store.read("log", after, { events: 10, bytes: 100 });
      requireThat(page.kind === "page" && page.records.length === 1, "the large record alone");
    },
  },
  {
    rule: "S6",
    name: "readStream: returns a stream in order from a version, in pages of whole records",
    async check(store) {
      const streams = (...ranges: [string, number, number][]) =>
        ranges.map(([stream, first, last]) => ({ stream, first, last }));
      await write(
        store,
        "log",
        null,
        { commit: 1, events: 3, streams: streams(["task/t1", 1, 2], ["task/t2", 1, 1]) },
        { commit: 2, streams: streams(["task/t2", 2, 2]) },
        { commit: 3, events: 4, streams: streams(["task/t2", 3, 3], ["task/t1", 3, 5]) },
        { commit: 4, streams: streams(["task/t10", 1, 1]) },
      );
      const [both, second, wide] = await readAll(store, "log");
      requireThat(both !== undefined && second !== undefined && wide !== undefined, "the records");
      const from = (stream: string, version: number, limit = ALL) => store.readStream("log", stream, version, limit);
      requireEqual(await from("task/t1", 0), [both, wide], "a stream from its beginning");
      requireEqual(await from("task/t1", 1), [both, wide], "from within a record, the whole record");
      requireEqual(await from("task/t1", 2), [wide], "from the end of a record");
      requireEqual(await from("task/t1", 4), [wide], "from within the last record");
      requireEqual(await from("task/t1", 5), [], "from the end of the stream");
      requireEqual(await from("task/t2", 0, { events: 4, bytes: 1_000_000 }), [both, second], "a page");
      requireEqual(await from("task/t2", 2, { events: 1, bytes: 1 }), [wide], "a record larger than the limit");
      requireEqual(await from("task/none", 0), [], "an absent stream");
      requireEqual(await store.readStream("absent", "task/t1", 0, ALL), [], "a stream of an absent log");
    },
  },
  {
    rule: "S7",
    name: "append, read: text, actor, streams and mark stay unchanged, also in the largest record",
    async check(store) {
      const texts = [
        '{ "spaces" : 1.0, "spaces":2 }',
        JSON.stringify("\0\u001f\"'\\`\u2028"),
        '"\\ud800 escaped"',
        '"Grüße 你好 👩‍👩‍👧 \u{10ffff}"',
        JSON.stringify("ä".repeat(128 * 1024)),
      ];
      const given = recordsAfter(
        null,
        texts.map((text, n) => ({
          commit: n,
          text,
          actor: `jürg'"${n}`,
          streams: [{ stream: `a/~:@-.${n}`, first: 1, last: 1 }],
        })),
      );
      await store.append("log", batch(null, { records: given }));
      requireEqual(await readAll(store, "log"), given, "the records");
      requireEqual(await store.readStream("log", "a/~:@-.4", 0, ALL), given.slice(4), "a record by its stream");
    },
  },
  {
    rule: "S7",
    name: "readStream: finds the only record of a commit with 600 streams by each stream",
    async check(store) {
      const streams = Array.from({ length: 600 }, (_, n) => ({ stream: `task/t${n}`, first: 1, last: 1 }));
      const given = recordsAfter(null, [{ commit: 1, events: 600, streams }]);
      await store.append("log", batch(null, { records: given }));
      for (const stream of ["task/t0", "task/t599"])
        requireEqual(await store.readStream("log", stream, 0, ALL), given, stream);
    },
  },
  {
    rule: "S19",
    name: "written: of 6,000 streams, returns exactly those that have an event in this log",
    async check(store) {
      const streams = Array.from({ length: 600 }, (_, n) => ({ stream: `task/t${n * 10}`, first: 1, last: 1 }));
      await store.append("log", batch(null, { records: recordsAfter(null, [{ commit: 1, events: 600, streams }]) }));
      await write(store, "other", null, { commit: 1, streams: [{ stream: "task/t1", first: 1, last: 1 }] });
      const asked = Array.from({ length: 6_000 }, (_, n) => `task/t${n}`);
      const written = await store.written("log", [...asked, "task/t0", "tas", "task/t", "TASK/T0"]);
      requireEqual([...written].toSorted(), streams.map(({ stream }) => stream).toSorted(), "the written streams");
      requireThat((await store.written("log", [])).size === 0, "written streams of none");
      requireThat((await store.written("absent", ["task/t0"])).size === 0, "written streams of an absent log");
      await store.drop("log");
      requireThat((await store.written("log", ["task/t0"])).size === 0, "written streams of a dropped log");
    },
  },
];

async function pagesOf(store: EventStore, limit: ReadLimit): Promise<(readonly StoredRecord[])[]> {
  const pages: (readonly StoredRecord[])[] = [];
  let after: Cursor | null = null;
  for (;;) {
    const page = await store.read("log", after, limit);
    requireThat(page.kind === "page", "a page");
    const end = page.records.at(-1);
    if (!end) return pages;
    pages.push(page.records);
    after = end.cursor;
  }
}

function fits(page: readonly StoredRecord[], { events, bytes }: ReadLimit): boolean {
  const size = new TextEncoder().encode(page.map(({ text }) => text).join("")).length;
  return page.reduce((sum, { position, cursor }) => sum + cursor.position - position + 1, 0) <= events && size <= bytes;
}
