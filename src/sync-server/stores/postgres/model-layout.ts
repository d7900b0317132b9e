/**
 * The tables of read models in Postgres, and the functions that write them.
 *
 * Guarantees:
 * - The function locks its followers in the order of their names and compares them afterwards (M1). Each statement of a
 *   volatile function has its own snapshot, so the comparison sees every write that held a lock before.
 * - A write that creates a follower locks the log's row too. Otherwise a drop could miss the new rows (M11).
 * - A refused write changes nothing that a reader sees. It may leave a follower of revision 0, as a lease does.
 */
export function modelLayout(schema: string): readonly string[] {
  return [
    `create table ${schema}.dacapo_followers (
       log bigint not null,
       name text collate "C" not null,
       revision bigint not null,
       position bigint not null,
       mark text,
       wake bigint,
       holder text,
       held_until bigint not null,
       text text not null,
       primary key (log, name)
     )`,
    `create index dacapo_followers_by_wake on ${schema}.dacapo_followers (log, wake) where wake is not null`,
    `create table ${schema}.dacapo_tables (
       id bigint generated always as identity primary key,
       log bigint not null,
       follower text collate "C",
       name text collate "C" not null,
       unique (log, follower, name)
     )`,
    `create index dacapo_tables_orphaned on ${schema}.dacapo_tables (id) where follower is null`,
    `create table ${schema}.dacapo_rows (
       tbl bigint not null,
       key text collate "C" not null,
       row text,
       primary key (tbl, key)
     )`,
    writeFunction(schema),
    appendFunction(schema),
  ];
}

/** The view that shows a SQL table of an app. */
export function sqlModelLayout(schema: string): readonly string[] {
  return [
    `alter table ${schema}.dacapo_tables add column view text collate "C"`,
    `create index dacapo_tables_by_view on ${schema}.dacapo_tables (view) where view is not null`,
  ];
}

/** An append and its write of read models, or neither of them (M2). A block with a handler is a savepoint. */
function appendFunction(schema: string): string {
  return `create function ${schema}.dacapo_append_models_1(
  p_log text, p_position bigint, p_mark text, p_records json, p_streams json, p_outcomes json,
  p_forget_before bigint, p_per_actor_max bigint, p_followers json, p_tables json, p_rows json
) returns text language plpgsql volatile as $dacapo$
declare
  v_result text;
begin
  v_result := ${schema}.dacapo_append_1(
    p_log, p_position, p_mark, p_records, p_streams, p_outcomes, p_forget_before, p_per_actor_max);
  if v_result::json ->> 'kind' <> 'ok' then return v_result; end if;
  v_result := ${schema}.dacapo_write_models_1(p_log, p_followers, p_tables, p_rows);
  if v_result::json ->> 'kind' = 'ok' then return v_result; end if;
  raise exception 'the read models moved' using errcode = 'DACMO';
exception when sqlstate 'DACMO' then
  -- The variable keeps its value, and everything that the two functions wrote is undone.
  return json_build_object('kind', 'model-moved', 'followers', v_result::json -> 'followers')::text;
end
$dacapo$`;
}

function writeFunction(schema: string): string {
  const [followers, tables, rows] = [`${schema}.dacapo_followers`, `${schema}.dacapo_tables`, `${schema}.dacapo_rows`];
  const given = `json_to_recordset(p_followers) as f(
      name text, revision bigint, kind text, position bigint, mark text, wake bigint, text text)`;
  const changes = `json_to_recordset(p_tables) as t(follower text, name text, change text, source text)`;
  return `create function ${schema}.dacapo_write_models_1(
  p_log text, p_followers json, p_tables json, p_rows json
) returns text language plpgsql volatile as $dacapo$
declare
  v_id bigint;
  v_state text;
  v_moved json;
  v_move record;
begin
  if exists (select from ${given} where revision = 0) then
    select id, state into v_id, v_state from ${schema}.dacapo_logs where name = p_log for share;
  else
    select id, state into v_id, v_state from ${schema}.dacapo_logs where name = p_log;
  end if;
  if not found then return '{"kind":"absent"}'; end if;
  if v_state <> 'open' then return '{"kind":"gone"}'; end if;

  insert into ${followers} (log, name, revision, position, held_until, text)
    select v_id, name, 0, 0, 0, '' from ${given} where revision = 0 order by name
    on conflict (log, name) do nothing;
  perform from ${followers} where log = v_id and name in (select name from ${given}) order by name for update;
  select json_agg(e.f ->> 'name' order by e.n) into v_moved
    from json_array_elements(p_followers) with ordinality as e(f, n)
    left join ${followers} k on k.log = v_id and k.name = e.f ->> 'name'
    where coalesce(k.revision, 0) <> (e.f ->> 'revision')::bigint
       or (e.f ->> 'kind' = 'next' and e.f ->> 'mark' is not null and not exists (
            select from ${schema}.dacapo_records
            where log = v_id and last = (e.f ->> 'position')::bigint and mark = e.f ->> 'mark'));
  if v_moved is not null then return json_build_object('kind', 'moved', 'followers', v_moved)::text; end if;

  for v_move in select follower, name, source from ${changes} where change = 'from' and source <> follower loop
    update ${tables} set follower = null
      where log = v_id and follower = v_move.follower and name = v_move.name;
    update ${tables} set follower = v_move.follower
      where log = v_id and follower = v_move.source and name = v_move.name;
  end loop;
  update ${tables} set follower = null
    where log = v_id and follower in (select name from ${given} where kind = 'remove');
  delete from ${followers} where log = v_id and name in (select name from ${given} where kind = 'remove');
  update ${followers} k
    set revision = f.revision + 1, position = f.position, mark = f.mark, wake = f.wake, text = f.text
    from ${given} where k.log = v_id and k.name = f.name and f.kind = 'next';
  update ${tables} k set follower = null
    from ${given} where k.log = v_id and k.follower = f.name and f.kind = 'next'
      and not exists (select from ${changes} where t.follower = f.name and t.name = k.name and t.change <> 'new');
  insert into ${tables} (log, follower, name)
    select v_id, follower, name from ${changes} on conflict (log, follower, name) do nothing;

  insert into ${rows} (tbl, key, row)
    select k.id, r.key, r.row
      from json_to_recordset(p_rows) as r(follower text, name text, key text, row text, removed boolean)
      join ${tables} k on k.log = v_id and k.follower = r.follower and k.name = r.name
      where not r.removed
    on conflict (tbl, key) do update set row = excluded.row;
  delete from ${rows} d
    using json_to_recordset(p_rows) as r(follower text, name text, key text, removed boolean), ${tables} k
    where r.removed and k.log = v_id and k.follower = r.follower and k.name = r.name
      and d.tbl = k.id and d.key = r.key;
  return '{"kind":"ok"}';
end
$dacapo$`;
}
