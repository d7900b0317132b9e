// Statements of SQL models: the ones that name only their own tables pass, and each other one has a reason.
import { expect, test } from "vitest";
import { type SqlKind, sqlProblem } from "../../../../src/sync-server/read-models/check-sql.ts";

const PASS: Readonly<Record<SqlKind, readonly string[]>> = {
  change: [
    "insert into «invoice» values (?, ?)",
    "INSERT OR IGNORE INTO «a» (id) VALUES (?) -- a note; with a sign",
    "insert into «a» (id, n) values (?, 1) on conflict (id) do update set n = «a».n + excluded.n",
    "update «a» set n = (select sum(x) from «b» b, «a» c where b.id = c.id) where x is distinct from y",
    "update «a» set n = b.n from «b» as b where b.id = «a».id",
    "delete from «a» where id in (select id from «b» join «c» using (id))",
    "with x as (select * from «a»), y(k, l) as (select 1, 2) insert into «b» select k, l from x join y on x.id = y.k",
    "insert into «a» select value from json_each(?)",
    "update «a» set year = extract(year from created), name = 'drop table; pragma', \"release\" = 1",
    "insert into «a» select * from (select 1 from «b») s",
  ],
  create: [
    "create table «a» (id text primary key, total integer not null, unique (id, total)) strict",
    "create index «a»_by_total on «a» (total)",
    "create unique index «a»_u on «a» (id) where total > 3",
  ],
  read: [
    "select * from «a» order by id limit 5",
    "select count(*) from «a» a left join «b» b on a.id = b.id, «c» where replace(a.x, 'a', 'b') = ?",
    "with x as (select * from «a») select * from x union all select * from «b»",
  ],
};

const REFUSED: readonly (readonly [kind: SqlKind, sql: string, reason: string])[] = [
  ["change", "", "begin"],
  ["change", "select 1", "begin"],
  ["change", "pragma user_version = 3", "begin"],
  ["change", "insert into other values (1)", "other"],
  ["change", "update main.other set x = 1", "main"],
  ["change", "delete from «a»; delete from «b»", ";"],
  ["change", "update «a» set n = (select 1 from b)", "b"],
  ["change", "insert into «a» select 1 from «b», c", "c"],
  ["change", "insert into «a» select 1 from «b» x, (select 2) y, c", "c"],
  ["change", "insert into «a» select * from dacapo_records", "dacapo_records"],
  ["change", 'insert into «a» select * from "dacapo_records"', "dacapo_records"],
  ["change", 'insert into «a» select 1 from "other"', '"other"'],
  ["change", "insert into «a» select 1 from (other join «a»)", "other"],
  ["change", "insert into «a» values ((select name from other))", "other"],
  ["change", "insert or rollback into «a» values (1)", "rollback"],
  ["change", "insert into «a» values (E'\\'')", "E'"],
  ["change", "insert into «a» values ($1)", "$"],
  ["change", "insert into «a» /* x */ values (1)", "/*"],
  ["change", "replace into sqlite_master values (1)", "sqlite_master"],
  ["create", "create table other (id)", "create table"],
  ["create", "create table «a» as select * from other", "create table"],
  ["create", "create table «a» (x text, log text)", "log"],
  ["create", "create table «a» (x text references other (id))", "foreign key"],
  ["create", "create trigger «a»_t after insert on «a» begin select 1; end", "trigger"],
  ["create", "create index by_total on «a» (total)", "create table"],
  ["read", "delete from «a»", "begin"],
  ["read", "with x as (delete from «a» returning *) select * from x", "delete"],
  ["read", "select * into b from «a»", "into"],
  ["read", "select 1 from other", "other"],
  ["read", "select 1 where exists (select 1 from other)", "other"],
];

const passing = Object.entries(PASS).flatMap(([kind, list]) => list.map((sql) => ({ kind: kind as SqlKind, sql })));

test.each(passing)("sqlProblem: $kind $sql passes", ({ kind, sql }) => {
  expect(sqlProblem(sql, kind)).toBeNull();
});

test.each(REFUSED)("sqlProblem: %s %s is refused", (kind, sql, reason) => {
  expect(sqlProblem(sql, kind)).toContain(reason);
});
