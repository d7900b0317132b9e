// The tables in existing files and Durable Objects. A change needs a new step in `sqlite/layout`, a new golden file
// (`vitest run --project unit test/conformance/sqlite.layout.test.ts -u`) and a new text in docs/storage-server.md.
import { readFileSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeSql, openDatabase } from "../../src/sync-server/stores/sqlite/node-sqlite.ts";
import { sqlEventStore } from "../../src/sync-server/stores/sqlite/tables.ts";

let database: DatabaseSync;
beforeAll(async () => {
  database = openDatabase(":memory:");
  const store = sqlEventStore(nodeSql(database));
  // Drawn by chance, so the example in the documentation needs another.
  database.exec("update dacapo_server set id = '6f2b8c31d04e97a5b1c2d3e4f5a60718'");
  const [added, moved, refused] = [
    "0199c0de-0000-7000-8000-000000000001",
    "0199c0de-0000-7000-8000-000000000002",
    "0199c0de-0000-7000-8000-000000000003",
  ];
  const author = {
    client: "0199c0de-0000-7000-8000-0000000000aa",
    actor: "ann",
    time: 1_760_000_000_000,
    received: 1_760_000_000_123,
    meta: null,
  };
  const record = (
    position: number,
    mark: string,
    commit: string,
    stream: string,
    first: number,
    types: readonly string[],
  ) => ({
    position,
    cursor: { position: position + types.length - 1, mark },
    commit,
    actor: author.actor,
    streams: [{ stream, first, last: first + types.length - 1 }],
    text: JSON.stringify({
      position,
      mark,
      commit,
      ...author,
      events: types.map((type, n) => ({ type, v: 1, stream, version: first + n, data: {} })),
    }),
  });
  await store.append("team-7", {
    expected: null,
    records: [
      record(1, "9f1c2a7b03d4e586", added, "task/t1", 1, ["TaskAdded", "TaskMoved"]),
      record(3, "5be0417d29cc83fa", moved, "task/t1", 3, ["TaskMoved"]),
    ],
    outcomes: [
      {
        commit: refused,
        actor: "bob",
        received: author.received,
        text: JSON.stringify({
          id: refused,
          outcome: "rejected",
          command: 0,
          code: "no-such-task",
          message: "There is no such task",
        }),
      },
    ],
    forgetOutcomesBefore: 0,
    outcomesPerActorMax: 10_000,
  });
  await store.drop("team-6");
});
afterAll(() => database.close());

test("sql layout: the tables match the golden file", async () => {
  const rows = database.prepare("select sql from sqlite_schema where sql is not null order by name").all();
  await expect(rows.map(({ sql }) => `${String(sql)};\n`).join("\n")).toMatchFileSnapshot("./golden/sql-layout.sql");
});

test("docs/storage-server.md: names every table and column, and its example rows are real", () => {
  const text = readFileSync(new URL("../../docs/storage-server.md", import.meta.url), "utf8");
  const tables = database.prepare("select name from sqlite_schema where type = 'table' order by name").all();
  expect(tables).toHaveLength(6);
  for (const { name } of tables) {
    const section = text.split("\n## ").find((part) => part.startsWith(`\`${String(name)}\``)) ?? "";
    const columns = database.prepare(`select name from pragma_table_xinfo('${String(name)}')`).all();
    const shown = [...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, column]) => column);
    expect(shown, `columns of ${String(name)}`).toEqual(columns.map((column) => column["name"]));
    const example = /```json\n([^]*?)\n```/.exec(section)?.[1] ?? "";
    expect(JSON.parse(`[${example.replaceAll("}\n{", "},\n{")}]`), `example rows of ${String(name)}`).toEqual(
      database.prepare(`select * from ${String(name)}`).all(),
    );
  }
});
