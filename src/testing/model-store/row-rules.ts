/** M4, M5 and M6: the rows that a reader gets. */
import { requireEqual, requireThat } from "../require.ts";
import { write } from "../event-store/samples.ts";
import { ALL_ROWS, follow, keysOf, type ModelRule, mustWrite, pagesOf, readPage, readRows, rowsOf } from "./samples.ts";

export const rowRules: readonly ModelRule[] = [
  {
    rule: "M4",
    name: "rows, followers: return one revision with its cursor and rows during writes",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const keys = Array.from({ length: 30 }, (_, n) => `k${n}`);
      let done = false;
      const writing = (async () => {
        for (let revision = 0; revision < 20; revision++) {
          const rows = Object.fromEntries(keys.map((key) => [key, `${revision + 1}`]));
          await mustWrite(models, rowsOf(follow("a", revision, { at, text: `${revision + 1}` }), rows));
        }
        done = true;
      })();
      const reading = async () => {
        while (!done) {
          const page = await models.rows("log", "a", "rows", ALL_ROWS);
          if (page) {
            const { revision, text } = page.follower;
            requireThat(text === `${revision}`, `the text of revision ${revision}`);
            requireThat(page.rows.length === keys.length, `all rows, not ${page.rows.length}`);
            for (const [key, row] of page.rows) requireEqual(row, `${revision}`, `the row ${key}`);
          }
          // Wait for the next turn of the event loop, because a store may need one to write.
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      };
      await Promise.all([writing, reading(), reading()]);
    },
  },
  {
    rule: "M5",
    name: "rows: keys are in the order of their UTF-8 bytes, also where JavaScript's order differs",
    async check({ store, models }) {
      await write(store, "log", null, { commit: 1 });
      const sorted = ["", "\0", "\u0001", "\u0001\u0001", "A", "a", "a\0", "a\0b", "a\u0001", "ab", "é", "\ud7ff"];
      const keys = [...sorted, "\ue000", "\ufffd", "\u{10000}", "\u{1F600}", "\u{10FFFF}"];
      await mustWrite(models, rowsOf(follow("a", 0), Object.fromEntries(keys.toReversed().map((key) => [key, "1"]))));
      const page = await readPage(models, "a");
      requireEqual(
        page.rows.map(([key]) => key),
        keys,
        "the keys",
      );
      const some = ["\u{1F600}", "missing", "\ufffd", "a", "a\0", "a"];
      const byKeys = await readPage(models, "a", keysOf(...some));
      requireEqual(
        byKeys.rows.map(([key]) => key),
        ["a", "a\0", "\ufffd", "\u{1F600}"],
        "the keys that were read by name",
      );
      const behind = await readRows(models, "a", { ...keysOf(...some), after: "a\0" });
      requireEqual(Object.keys(behind), ["\ufffd", "\u{1F600}"], "the keys by name behind a key");
    },
  },
  {
    rule: "M5",
    name: "rows: pages join to the whole range, and each has a row if there is one",
    async check({ store, models }) {
      await write(store, "log", null, { commit: 1 });
      const keys = Array.from({ length: 25 }, (_, n) => `task/${String(n).padStart(2, "0")}`);
      const rows = Object.fromEntries(keys.map((key, n) => [key, JSON.stringify("é".repeat(n % 7))]));
      await mustWrite(models, rowsOf(follow("a", 0), { ...rows, other: "1", "tasks/1": "2" }));
      for (const [limit, bytes] of [
        [1, 1],
        [7, 1_000],
        [1_000, 30],
        [25, 1_000],
        [26, 1_000],
      ] as const) {
        const found = await pagesOf(models, { from: "task/", to: "task0", limit, bytes });
        requireEqual(found, keys, `pages of ${limit} rows and ${bytes} bytes`);
      }
      const many = [...keys.toReversed(), "task/missing", ...keys];
      for (const [limit, bytes] of [
        [100, 1],
        [100, 30],
        [4, 1_000],
        [25, 1_000],
      ] as const)
        requireEqual(
          await pagesOf(models, { keys: many, limit, bytes }),
          keys,
          `pages of keys of ${limit} rows and ${bytes} bytes`,
        );
      const empty = await readPage(models, "a", { from: "u", to: null, after: null, limit: 5, bytes: 5 });
      requireEqual(empty.rows, [], "a range without rows");
      requireThat(!empty.more, "no more rows");
      const later = await readRows(models, "a", { ...ALL_ROWS, from: "task/24", after: "task/00" });
      requireEqual(Object.keys(later), ["task/24", "tasks/1"], "an `after` before `from`");
    },
  },
  {
    rule: "M5",
    name: "rows: a page of large rows ends at its bytes, for keys and for a range",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const large = (key: string): string => JSON.stringify(key.repeat(400_000));
      const rows = { a: large("a"), b: null, c: large("c"), d: '"small"', e: large("e"), f: large("f") };
      await mustWrite(models, rowsOf(follow("a", 0, { at }), rows));
      const range = { after: null, limit: 100, bytes: 1_000_000 };
      for (const selected of [{ keys: Object.keys(rows) }, { from: null, to: null }]) {
        const page = await readPage(models, "a", { ...selected, ...range });
        requireEqual([page.rows.map(([key]) => key), page.more], [["a", "b", "c", "d"], true], "the first page");
        const rest = await readPage(models, "a", { ...selected, ...range, after: "d" });
        requireEqual([rest.rows.map(([key]) => key), rest.more], [["e", "f"], false], "the last page");
        requireEqual(Object.fromEntries([...page.rows, ...rest.rows]), rows, "the texts");
        const single = await readPage(models, "a", { ...selected, ...range, bytes: 1, after: "d" });
        requireEqual([single.rows, single.more], [[["e", rows.e]], true], "a row above the limit");
      }
    },
  },
  {
    rule: "M6",
    name: "write, rows: keys and texts come back unchanged, also the largest, and rows can be removed",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const rows = {
        spaces: '{ "a" : 1.0, "a":2 }',
        escapes: JSON.stringify("\0\u001f\"'\\`\u2028"),
        surrogate: '"\\ud800 escaped"',
        "Grüße 你好 👩‍👩‍👧 \u{10ffff} \0\u0001": '"Grüße 你好 👩‍👩‍👧 \u{10ffff}"',
        ["k".repeat(512)]: JSON.stringify("ä".repeat(512 * 1024 - 2)),
        tombstone: null,
      };
      await mustWrite(models, rowsOf(follow("a", 0, { at }), rows));
      requireEqual(await readRows(models, "a"), rows, "the rows");
      await mustWrite(models, rowsOf(follow("a", 1, { at }), { spaces: null }, ["tombstone", "escapes", "never"]));
      const kept = Object.fromEntries(
        Object.entries({ ...rows, spaces: null }).filter(([key]) => key !== "tombstone" && key !== "escapes"),
      );
      requireEqual(await readRows(models, "a"), kept, "the rows that are left");
    },
  },
];
