// The project relies on one feature of Node: an embedded database with nothing to compile.
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";

test("node:sqlite keeps a row, and a transaction that fails leaves nothing", () => {
  const database = new DatabaseSync(":memory:");
  database.exec("create table records (position integer primary key, body text) strict");
  database.exec("insert into records values (1, 'kept')");
  database.exec("begin");
  database.exec("insert into records values (2, 'lost')");
  database.exec("rollback");
  expect(database.prepare("select body from records").all()).toEqual([{ body: "kept" }]);
  database.close();
});
