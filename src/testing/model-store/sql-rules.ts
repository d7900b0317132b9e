/** M8: the SQL tables of apps, and statements that the database refuses. */
import { requireEqual, requireRejection, requireThat } from "../require.ts";
import { batch, recordsAfter, requireRecords, write } from "../event-store/samples.ts";
import { sqlTable } from "../../sync-server/stores/sql-tables.ts";
import {
  follow,
  followSql,
  type ModelRule,
  modelsOf,
  mustWrite,
  readNumbers,
  requireFollowers,
  requireVetoed,
  sqlInsert,
  sqlOf,
} from "./samples.ts";

const insert = (key: string, n = 0, follower = "a") => sqlInsert(follower, "numbers", key, n);
const LIMIT = { rows: 100, bytes: 100_000 };

export const sqlRules: readonly ModelRule[] = [
  {
    rule: "M8",
    name: "append: a refused statement undoes the append and names its event, and the next append is written",
    async check({ store, models }) {
      const first = recordsAfter(null, [{ commit: 1 }]);
      const at = { position: 1, mark: "mark1" };
      const created = { followers: [followSql("a", 0, { at })], rows: [], statements: [insert("k", 1)] };
      requireEqual(await store.append("log", batch(null, { records: first, models: created })), { kind: "ok" }, "one");
      const next = recordsAfter(at, [{ commit: 2 }, { commit: 3 }]);
      const end = { position: 3, mark: "mark3" };
      const follower = followSql("a", 1, { at: end });
      const statements = [insert("l", 2), insert("k", 3), insert("m", 4)];
      const models2 = { followers: [follower], rows: [], statements };
      const result = await store.append("log", batch(at, { records: next, models: models2 }));
      requireVetoed(result, { follower: "a", event: "k" }, "the append");
      await requireRecords(store, "log", first);
      requireEqual(await readNumbers(models, "a"), { k: 1 }, "the rows after a veto");
      await requireFollowers(models, { a: [1, at] });
      const good = { ...models2, statements: [insert("l", 2), insert("m", 4)] };
      requireEqual(await store.append("log", batch(at, { records: next, models: good })), { kind: "ok" }, "the next");
      requireEqual(await readNumbers(models, "a"), { k: 1, l: 2, m: 4 }, "the rows");
    },
  },
  {
    rule: "M8",
    name: "append: a veto for a new log leaves no log, no follower and no table",
    async check({ store, models }) {
      const records = recordsAfter(null, [{ commit: 1 }]);
      const at = { position: 1, mark: "mark1" };
      const models1 = { followers: [followSql("a", 0, { at })], rows: [], statements: [insert("k"), insert("k")] };
      const result = await store.append("log", batch(null, { records, models: models1 }));
      requireEqual(result.kind, "vetoed", "the append");
      requireEqual(await store.head("log"), { kind: "absent" }, "the log");
      requireThat((await sqlOf(store).keyColumns("log", "a", "numbers")) === null, "no table");
      const good = { ...models1, statements: [insert("k", 7)] };
      requireEqual(await store.append("log", batch(null, { records, models: good })), { kind: "ok" }, "the append");
      requireEqual(await readNumbers(models, "a"), { k: 7 }, "the rows");
    },
  },
  {
    rule: "M8",
    name: "append: appends to other logs at the same time are written, though one is vetoed",
    async check({ store, models }) {
      const logs = ["log", "b", "c", "d"];
      const at = { position: 1, mark: "mark1" };
      const results = await Promise.all(
        logs.map((log) => {
          const statements = [insert("k", 1), insert(log === "b" ? "k" : "l", 2)];
          const models1 = { followers: [followSql("a", 0, { at })], rows: [], statements };
          return store.append(log, batch(null, { records: recordsAfter(null, [{ commit: 1 }]), models: models1 }));
        }),
      );
      requireEqual(
        results.map(({ kind }) => kind),
        ["ok", "vetoed", "ok", "ok"],
        "the appends",
      );
      requireEqual(await readNumbers(models, "a"), { k: 1, l: 2 }, "the rows of a log");
      requireEqual((await store.logs()).toSorted(), ["c", "d", "log"], "the logs");
    },
  },
  {
    rule: "M8",
    name: "write: a wrong statement, a wrong value and a missing column are vetoes, and nothing changes",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      await mustWrite(models, { followers: [followSql("a", 0, { at })], rows: [], statements: [insert("k", 1)] });
      const wrong = [
        { sql: "insert into «numbers» (k, n) values (?, ?)", params: ["x", null] },
        { sql: "insert into «numbers» (k, other) values (?, ?)", params: ["x", 1] },
        { sql: "insert inwards «numbers»", params: [] },
      ];
      for (const one of wrong) {
        const statements = [insert("y", 2), { follower: "a", event: "e1", ...one }];
        const result = await models.write("log", { followers: [followSql("a", 1, { at })], rows: [], statements });
        requireVetoed(result, { follower: "a", event: "e1" }, one.sql);
      }
      await requireFollowers(models, { a: [1, at] });
      requireEqual(await readNumbers(models, "a"), { k: 1 }, "the rows");
      const foreign = { followers: [followSql("a", 1)], rows: [], statements: [insert("k", 1, "b")] };
      await requireRejection(models.write("log", foreign), "a statement of another follower");
    },
  },
  {
    rule: "M8",
    name: "write: a whole number becomes the same text, and divides alike, in each database",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const statements = [
        { ...insert("k"), sql: "insert into «numbers» (k, n) values (?, ?), ('?', 0), ('05', 1)", params: [5, 7] },
        { ...insert("k"), sql: "update «numbers» set n = n / ? where k = ?", params: [2, 5] },
      ];
      await mustWrite(models, { followers: [followSql("a", 0, { at })], rows: [], statements });
      requireEqual(await readNumbers(models, "a"), { 5: 3, "?": 0, "05": 1 }, "the rows");
      const query = { sql: "select k from «numbers» where n / ? = ?", params: [2, 1] };
      const page = await sqlOf(store).query("log", "a", query, LIMIT);
      requireEqual(page?.rows ?? null, [{ k: "5" }], "the rows of a query");
    },
  },
  {
    rule: "M8",
    name: "write: a store that names all refused events undoes each alone, and writes nothing",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const followers = [followSql("a", 0, { at }), followSql("b", 0, { at })];
      await mustWrite(models, { followers, rows: [], statements: [insert("k", 1), insert("k", 1, "b")] });
      const event = (name: string, ...keys: string[]) =>
        keys.map((key) => ({ ...insert(key, 2), event: name, veto: { code: name, message: key } }));
      // Enough events for several savepoints of a store. Some use a key of an event before the last refused one.
      const second = (n: number) => (n % 7 === 3 ? "k" : n % 7 === 5 ? `n${n - 3}` : `m${n}`);
      const many = Array.from({ length: 150 }, (_, n) => event(`e${n}`, `n${n}`, second(n)));
      const events = [
        // Its first statement succeeds and is undone, so `half` is free for the next event.
        ...event("first", "half", "k"),
        ...event("second", "half"),
        ...event("third", "half"),
        ...many.flat(),
        ...event("last", "k"),
      ];
      const next = [followSql("a", 1, { at }), followSql("b", 1, { at })];
      const all = { followers: next, rows: [], statements: [...events, insert("k", 2, "b")] };
      const result = await models.write("log", all);
      const refused = ["third", ...many.flatMap((_, n) => (second(n) === `m${n}` ? [] : [`e${n}`])), "last"];
      const others = refused.map((name) => ({ kind: "vetoed" as const, follower: "a", event: name, message: "" }));
      const ofOther = { kind: "vetoed" as const, follower: "b", event: "k", message: "" };
      requireVetoed(result, { follower: "a", event: "first", others: [...others, ofOther] }, "the write");
      for (const { event: name, veto } of "others" in result ? (result.others ?? []) : [])
        requireEqual(veto?.code ?? name, name, "the veto of its statement");
      await requireFollowers(models, { a: [1, at], b: [1, at] });
      requireEqual(await readNumbers(models, "a"), { k: 1 }, "the rows");
      const good = events.filter((one) => one.event !== "first" && !refused.includes(one.event));
      await mustWrite(models, { ...all, statements: good });
      requireEqual(Object.keys(await readNumbers(models, "a")).length, 1 + good.length, "the rows of the other events");
    },
  },
  {
    rule: "M8",
    name: "write: SQL tables are emptied, moved and orphaned, and sweep removes only orphans",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const tables = (change: "new" | { from: string }) => ({ [sqlTable("numbers")]: change });
      await mustWrite(models, {
        followers: [followSql("a", 0, { at }), followSql("b", 0, { at })],
        rows: [],
        statements: [insert("k", 1), insert("k", 2, "b")],
      });
      await mustWrite(models, {
        followers: [followSql("a", 1, { at, tables: tables({ from: "b" }) }), { name: "b", revision: 1, next: null }],
        rows: [],
        statements: [insert("l", 3)],
      });
      requireEqual(await readNumbers(models, "a"), { k: 2, l: 3 }, "the moved table");
      while (await models.sweep(10));
      requireEqual(await readNumbers(models, "a"), { k: 2, l: 3 }, "the moved table after the sweep");
      await mustWrite(models, {
        followers: [followSql("a", 2, { at, tables: tables("new") })],
        rows: [],
        statements: [insert("k", 9)],
      });
      requireEqual(await readNumbers(models, "a"), { k: 9 }, "the emptied table");
      await mustWrite(models, { followers: [follow("a", 3, { at })], rows: [] });
      requireThat((await sqlOf(store).keyColumns("log", "a", "numbers")) === null, "no table that is not named");
      while (await models.sweep(10));
    },
  },
  {
    rule: "M8",
    name: "query, page: read the tables of their log, in the order of the primary key, and stop at the limit",
    async check({ store, models }) {
      const sql = sqlOf(store);
      const at = await write(store, "log", null, { commit: 1 });
      await write(store, "other", null, { commit: 1 });
      const statements = Array.from({ length: 30 }, (_, n) => insert(`k${String(n).padStart(2, "0")}`, n));
      await mustWrite(models, { followers: [followSql("a", 0, { at })], rows: [], statements });
      await mustWrite(models, { followers: [followSql("a", 0)], rows: [], statements: [insert("k00", 7)] }, "other");
      requireEqual(await sql.keyColumns("log", "a", "numbers"), ["k"], "the primary key");
      const page = await sql.page("log", "a", "numbers", {
        after: '["k09"]',
        to: '["k20"]',
        limit: { ...LIMIT, rows: 5 },
      });
      requireEqual(
        (page?.rows ?? []).map(([key]) => key),
        [10, 11, 12, 13, 14].map((n) => `["k${n}"]`),
        "a page",
      );
      requireEqual([page?.more ?? null, page?.follower.revision ?? null], [true, 1], "the facts of the page");
      const rest = await sql.page("log", "a", "numbers", { after: '["k14"]', to: '["k20"]', limit: LIMIT });
      requireEqual([rest?.rows.length ?? null, rest?.more ?? null], [6, false], "the rest of the range");
      const query = { sql: "select n, k from «numbers» where n >= ? order by n desc", params: [28] };
      const found = await sql.query("log", "a", query, LIMIT);
      const rows = [29, 28].map((n) => ({ n, k: `k${n}` }));
      requireEqual(
        [found?.rows ?? null, found?.more ?? null, found?.follower.at ?? null],
        [rows, false, at],
        "a query",
      );
      const few = await sql.query("log", "a", { ...query, params: [0] }, { ...LIMIT, rows: 3 });
      requireEqual([few?.rows.length ?? null, few?.more ?? null], [3, true], "a query with more rows than its limit");
      await requireRejection(
        sql.query("log", "a", { sql: "select x from «numbers»", params: [] }, LIMIT),
        "a wrong query",
      );
      requireEqual(await sql.query("log", "b", query, LIMIT), null, "a query of another follower");
      requireEqual(await readNumbers(models, "a").then((all) => Object.keys(all).length), 30, "the rows after it");
    },
  },
  {
    rule: "M8",
    name: "drop: removes the SQL tables of the log, and leaves those of other logs",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      await write(store, "other", null, { commit: 1 });
      const created = { followers: [followSql("a", 0, { at })], rows: [], statements: [insert("k", 1)] };
      await mustWrite(models, created);
      await mustWrite(models, created, "other");
      await store.drop("other");
      requireEqual(await readNumbers(models, "a"), { k: 1 }, "the rows of the other log");
      requireThat((await sqlOf(store).keyColumns("other", "a", "numbers")) === null, "no table of the dropped log");
      await store.rename("log", "renamed");
      const found = await modelsOf(store).sql?.page("renamed", "a", "numbers", { after: null, to: null, limit: LIMIT });
      requireEqual(found?.rows.length ?? null, 1, "the rows after a rename");
    },
  },
];
