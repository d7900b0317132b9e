/**
 * The tables and the append function of the Postgres store, and the steps from one layout to the next.
 *
 * Guarantees:
 * - A layout is never edited after a release. A change is one more step, and old functions stay, so that nodes of two
 *   releases run on one database.
 * - Two nodes that open an empty database at once prepare it once, because the steps run under an advisory lock.
 */
import { DacapoError } from "../../../core/values/errors.ts";
import { appendFunction } from "./append-function.ts";
import { modelLayout, sqlModelLayout } from "./model-layout.ts";
import type { Statements } from "./pool.ts";

const PART = "event-store";
/** A number of our own for `pg_advisory_xact_lock`: the first bytes of "dacapo". */
const LAYOUT_LOCK = 0x6461_6361;

/** The name of a schema in quotes, for the text of a statement. */
export function quotedName(schema: string): string {
  return `"${schema.replaceAll('"', '""')}"`;
}

function nameOf(quoted: string): string {
  return quoted.slice(1, -1).replaceAll('""', '"');
}

/** Each step takes the layout from its index to the next number. `schema` is quoted. */
function steps(schema: string): readonly (readonly string[])[] {
  // `collate "C"`: names sort by code points in every database (S11).
  return [
    [
      `create table ${schema}.dacapo_logs (
         id bigint generated always as identity primary key,
         name text collate "C" not null unique,
         position bigint not null,
         mark text,
         state text not null check (state in ('open', 'dropping', 'gone'))
       ) with (fillfactor = 50)`,
      `create table ${schema}.dacapo_records (
         log bigint not null,
         last bigint not null,
         first bigint not null,
         mark text not null,
         commit_id text collate "C" not null,
         actor text collate "C" not null,
         streams text not null,
         text text not null,
         primary key (log, last),
         unique (log, commit_id)
       )`,
      `create table ${schema}.dacapo_stream_records (
         log bigint not null,
         stream text collate "C" not null,
         version bigint not null,
         record bigint not null,
         primary key (log, stream, version)
       )`,
      `create table ${schema}.dacapo_outcomes (
         id bigint generated always as identity primary key,
         log bigint not null,
         commit_id text collate "C" not null,
         actor text collate "C" not null,
         received bigint not null,
         text text not null,
         unique (log, commit_id, actor)
       )`,
      `create index dacapo_outcomes_by_age on ${schema}.dacapo_outcomes (log, received)`,
      `create index dacapo_outcomes_by_actor on ${schema}.dacapo_outcomes (log, actor, received)`,
      appendFunction(schema),
    ],
    [
      `create table ${schema}.dacapo_server (id text not null)`,
      `insert into ${schema}.dacapo_server (id) values (replace(gen_random_uuid()::text, '-', ''))`,
    ],
    [
      `create table ${schema}.dacapo_spent_tickets (nonce text collate "C" primary key, until bigint not null)`,
      `create index dacapo_spent_tickets_by_end on ${schema}.dacapo_spent_tickets (until)`,
    ],
    modelLayout(schema),
    // The same results, but it looks the ids of commits up.
    [appendFunction(schema)],
    sqlModelLayout(schema),
  ];
}

/**
 * The SQL that creates or upgrades the tables, for a role that may: an operator runs it once for each layout. It is
 * one block, so it does everything or nothing.
 */
export function layoutText(schema: string): string {
  const layout = steps(schema);
  const upgrades = layout.map(
    (statements, n) => `  if v_stored < ${n + 1} then\n${statements.join(";\n\n")};\n  end if;\n`,
  );
  return `create schema if not exists ${schema};

${layoutTable(schema)};

do $layout$
declare
  v_stored integer;
begin
  perform pg_advisory_xact_lock(${LAYOUT_LOCK});
  select coalesce(max(version), 0) into v_stored from ${schema}.dacapo_layout where part = '${PART}';
  if v_stored > ${layout.length} then
    raise exception 'the tables have layout %, written by a newer Dacapo', v_stored;
  end if;
${upgrades.join("")}  ${recordVersion(schema)};
end
$layout$;
`;
}

/** Upgrades the tables to the layout of this code. Throws `storage-newer` if a newer Dacapo wrote them. */
export async function prepareLayout(sql: Statements, schema: string): Promise<void> {
  const layout = steps(schema);
  if ((await storedLayout(sql, schema)) === layout.length) return;
  await sql.run(`select pg_advisory_xact_lock(${LAYOUT_LOCK})`);
  const stored = await storedLayout(sql, schema);
  if (stored > layout.length) throw newerLayout(stored, layout.length);
  if (stored === layout.length) return;
  if (!(await hasSchema(sql, schema))) await sql.run(`create schema if not exists ${schema}`);
  for (const statement of [layoutTable(schema), ...layout.slice(stored).flat(), recordVersion(schema)])
    await sql.run(statement);
}

function layoutTable(schema: string): string {
  return `create table if not exists ${schema}.dacapo_layout (part text primary key, version integer not null)`;
}

function recordVersion(schema: string): string {
  const version = steps(schema).length;
  return `insert into ${schema}.dacapo_layout (part, version) values ('${PART}', ${version})
            on conflict (part) do update set version = excluded.version`;
}

async function storedLayout(sql: Statements, schema: string): Promise<number> {
  // A select from a table of the catalog. `to_regclass` may return what it returned before the lock.
  const tables = await sql.rows("select from pg_tables where schemaname = $1 and tablename = 'dacapo_layout'", [
    nameOf(schema),
  ]);
  if (tables.length === 0) return 0;
  const rows = await sql.rows<{ version: number }>(
    `select version from ${schema}.dacapo_layout where part = '${PART}'`,
    [],
  );
  return rows[0]?.version ?? 0;
}

async function hasSchema(sql: Statements, schema: string): Promise<boolean> {
  return (await sql.rows("select from pg_namespace where nspname = $1", [nameOf(schema)])).length > 0;
}

function newerLayout(stored: number, known: number): DacapoError {
  return new DacapoError("storage-newer", "after-fix", {
    message:
      `The event store has layout ${stored}, written by a newer Dacapo. ` +
      `This version knows layouts up to ${known}.`,
    fix: "Run the version of Dacapo that wrote it, or a later one. Nothing was changed.",
    details: { stored, known },
  });
}
