/** S5 to S7: what a reader gets. */
import type { Cursor } from "../../core/history/record.ts";
import type { EventStore, ReadLimit, StoredRecord } from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireThat } from "../require.ts";
import { ALL, batch, readAll, recordsAfter, type Sample, write } from "./samples.ts";

type Rule = { readonly rule: string; readonly name: string; readonly check: (store: EventStore) => Promise<void> };

export const readRules: readonly Rule[] = [
  {
    rule: "S5",
    name: "a reader with a cursor of this log gets what lies behind it, at the head an empty page",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 }, { commit: 2, events: 2 }, { commit: 3 });
      const records = await readAll(store, "log");
      for (const [n, { cursor }] of records.entries()) {
        requireEqual(
          await store.read("log", cursor, ALL),
          { kind: "page", records: records.slice(n + 1), head },
          `behind record ${n}`,
        );
      }
    },
  },
  {
    rule: "S5",
    name: "a reader whose cursor is not this log's is told that they parted",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 }, { commit: 2, events: 3 });
      const foreign: Cursor[] = [
        { position: 1, mark: "other" },
        { position: 4, mark: "other" },
        { position: 4, mark: "mark1" },
        { position: 5, mark: "mark2" },
        { position: 3, mark: "mark2" }, // inside a record: nobody is ever given such a cursor
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
    name: "pages end at record ends and stay within events and bytes; together they are the log",
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
    name: "a record larger than the limit comes alone, and nobody is stuck before it",
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
    name: "a stream is read in order from a version, in pages of whole records",
    async check(store) {
      const streams = (...places: [string, number, number][]) =>
        places.map(([stream, first, last]) => ({ stream, first, last }));
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
      const behind = (stream: string, version: number, limit = ALL) => store.readStream("log", stream, version, limit);
      requireEqual(await behind("task/t1", 0), [both, wide], "a stream from its beginning");
      requireEqual(await behind("task/t1", 1), [both, wide], "from within a record: the whole record");
      requireEqual(await behind("task/t1", 2), [wide], "from the end of a record");
      requireEqual(await behind("task/t1", 4), [wide], "from within the last record");
      requireEqual(await behind("task/t1", 5), [], "from the end of the stream");
      requireEqual(await behind("task/t2", 0, { events: 4, bytes: 1_000_000 }), [both, second], "a page");
      requireEqual(await behind("task/t2", 2, { events: 1, bytes: 1 }), [wide], "a record larger than the limit");
      requireEqual(await behind("task/none", 0), [], "a stream that is not there");
      requireEqual(await store.readStream("absent", "task/t1", 0, ALL), [], "a stream of a log that is not there");
    },
  },
  {
    rule: "S7",
    name: "texts, actors, streams and marks come back as they were given, up to the largest record allowed",
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
      requireEqual(await store.readStream("log", "a/~:@-.4", 0, ALL), given.slice(4), "one of them by its stream");
    },
  },
  {
    rule: "S7",
    name: "a commit that writes very many streams is one record, and found by each of them",
    async check(store) {
      const streams = Array.from({ length: 600 }, (_, n) => ({ stream: `task/t${n}`, first: 1, last: 1 }));
      const given = recordsAfter(null, [{ commit: 1, events: 600, streams }]);
      await store.append("log", batch(null, { records: given }));
      for (const stream of ["task/t0", "task/t599"])
        requireEqual(await store.readStream("log", stream, 0, ALL), given, stream);
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
