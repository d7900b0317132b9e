// The declaration of a SQL model: wrong tables and handlers are refused when the program starts.
import { expect, test } from "vitest";
import { sqlModel, type SqlChange } from "../../../../src/sync-server/app.ts";
import { order } from "../../../support/invoices-domain.ts";

const model = (
  tables: Record<string, (t: string) => string | readonly string[]>,
  on: () => readonly SqlChange[] = () => [],
) => sqlModel("reports", { version: 3, from: [order], tables, on: { OrderCancelled: on } });
const table = (t: string) => `create table ${t} (id text primary key)`;

test("sqlModel: tables have a placeholder, and a view with the version in its name", () => {
  const { sql } = model({ line_item: table });
  expect(sql.names).toEqual({ line_item: "«line_item»" });
  expect(sql.tables.get("line_item")).toEqual({
    create: ["create table «line_item» (id text primary key)"],
    view: "line_item_v3",
  });
});

test.each<[string, Record<string, (t: string) => string | readonly string[]>]>([
  ["no tables", {}],
  ["a name with two _", { a__b: table }],
  ["a name of Dacapo", { dacapo_x: table }],
  ["a name in capitals", { Invoice: table }],
  ["no statement", { a: () => [] }],
  ["an index first", { a: (t) => `create index ${t}_i on ${t} (id)` }],
  ["a second table", { a: (t) => [table(t), table(t)] }],
  ["a table of another name", { a: () => table("b") }],
  ["a function without a result", { a: () => JSON.parse("null") as string }],
  ["a column log in brackets", { a: (t) => `create table ${t} (id text primary key, [log] text)` }],
  ["a column LOG in quotes", { a: (t) => `create table ${t} (id text primary key, "LOG" text)` }],
  ["an index on another table", { a: (t) => [table(t), `create index ${t}_i on «b» (id)`] }],
])("sqlModel: refuses %s", (_, tables) => {
  expect(() => model(tables)).toThrow(expect.objectContaining({ code: "definition" }));
});

test.each<[string, SqlChange]>([
  ["another table", { sql: "insert into other values (1)" }],
  ["a table of another model", { sql: "insert into «b» values (1)" }],
  ["nothing", JSON.parse("null") as SqlChange],
  ["params that are no list", JSON.parse('{ "sql": "insert into «a» values (?)", "params": "b" }') as SqlChange],
  ["a veto that is a text", JSON.parse('{ "sql": "delete from «a»", "veto": "taken" }') as SqlChange],
  ["a boolean", JSON.parse('{ "sql": "insert into «a» values (?)", "params": [true] }') as SqlChange],
  ["a number that is none", { sql: "insert into «a» values (?)", params: [NaN] }],
  ["a text of 2 MiB", { sql: "insert into «a» values (?)", params: ["x".repeat(2 * 1024 * 1024)] }],
])("sqlModel: a statement with %s throws", (_, change) => {
  const { sql } = model({ a: table }, () => [change]);
  const event = { type: "OrderCancelled" } as Parameters<typeof sql.statements>[0];
  expect(() => sql.statements(event, { before: null, after: null })).toThrow(
    expect.objectContaining({ code: "definition" }),
  );
});
