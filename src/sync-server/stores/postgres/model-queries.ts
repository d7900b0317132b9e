/** The statements of read models in Postgres. Each is one statement, so that it sees one snapshot (M4). */

export type FollowerRow = {
  /** Null: the log has no follower. */
  readonly name: string | null;
  readonly revision: number;
  readonly position: number;
  readonly mark: string | null;
  readonly wake: number | null;
  readonly text: string;
};

export type LogRow = FollowerRow & {
  readonly head_position: number;
  readonly head_mark: string | null;
  readonly state: string;
};

/** A row of a table, or the follower alone. */
export type TableRow = FollowerRow & {
  readonly key: string | null;
  readonly row: string | null;
  readonly bytes: number;
};

/** The statements of one schema. Its name is quoted already. */
export type ModelQueries = ReturnType<typeof modelQueriesOf>;

const FOLLOWER = "f.name, f.revision, f.position, f.mark, f.wake, f.text";
/** The clock of the store, in milliseconds since the epoch. */
const NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint";

export function modelQueriesOf(schema: string) {
  const [logs, followers] = [`${schema}.dacapo_logs`, `${schema}.dacapo_followers`];
  const [tables, rows] = [`${schema}.dacapo_tables`, `${schema}.dacapo_rows`];
  // Postgres sends all rows of a statement, so the statement itself stops at the page's limits, one row behind them.
  const page = (keys: string): string => `
    select ${FOLLOWER}, r.key, r.row, r.bytes
    from ${logs} l
    join ${followers} f on f.log = l.id and f.name = $2 and f.revision > 0
    join ${tables} t on t.log = l.id and t.follower = f.name and t.name = $3
    left join lateral (
      select key, row, bytes from (
        select p.*, sum(bytes) over (order by key) - bytes as bytes_before, row_number() over (order by key) as n
        from (
          select key, row, coalesce(octet_length(row), 0) as bytes from ${rows}
          where tbl = t.id and ${keys}
          order by key limit $4 + 1
        ) p
      ) sized
      where n <= 2 or bytes_before <= $5
    ) r on true
    where l.name = $1 and l.state = 'open'
    order by r.key`;
  return {
    followers: `
      select l.position as head_position, l.mark as head_mark, l.state, ${FOLLOWER}
      from ${logs} l left join ${followers} f on f.log = l.id and f.revision > 0
      where l.name = $1 order by f.name`,
    appendWithModels: `
      select ${schema}.dacapo_append_models_1(
        $1, $2, $3, $4::text::json, $5::text::json, $6::text::json, $7, $8, $9::text::json, $10::text::json,
        $11::text::json) as result`,
    writeModels: `
      select ${schema}.dacapo_write_models_1($1, $2::text::json, $3::text::json, $4::text::json) as result`,
    rowsByKey: page("key = any(array(select json_array_elements_text($6::text::json)))"),
    rowsInRange: page("key >= $6 and ($7::text is null or key < $7) and ($8::text is null or key > $8)"),
    lease: `
      insert into ${followers} as f (log, name, revision, position, holder, held_until, text)
        select id, $2, 0, 0, $3, ${NOW} + $4, '' from ${logs} where name = $1 and state = 'open' for share
      on conflict (log, name) do update set holder = excluded.holder, held_until = excluded.held_until
        where f.holder is null or f.holder = excluded.holder or f.held_until <= ${NOW}
      returning holder`,
    sweepRows: `
      with orphan as (select id, name from ${tables} where follower is null limit 1),
        deleted as (delete from ${rows} where ctid in (
          select ctid from ${rows} where tbl = (select id from orphan) limit $1) returning 1)
      select (select id from orphan) as id, (select name from orphan) as name,
        (select count(*) from deleted) as deleted`,
    followerTables: `
      select ${FOLLOWER}, t.id as tbl, t.name as table_name
      from ${logs} l join ${followers} f on f.log = l.id and f.name = $2 and f.revision > 0
      left join ${tables} t on t.log = l.id and t.follower = f.name
      where l.name = $1 and l.state = 'open'`,
    sweepTable: `delete from ${tables} where id = $1 and follower is null
                 and not exists (select from ${rows} where tbl = $1)`,
    orphans: `select id from ${tables} where follower is null limit 1`,
    due: `
      with page as (
        select id, name, position, mark from ${logs} where state = 'open' and name > $1 order by name limit $2)
      select p.name,
        (p.position > 0 and (
          select count(*) from ${followers} f
          where f.log = p.id and f.revision > 0 and f.position = p.position and f.mark = p.mark
            and f.name in (select json_array_elements_text($3::text::json))) < $4)
        or exists (select from ${followers} f where f.log = p.id and f.wake <= $5) as is_due
      from page p order by p.name`,
    // A table is deleted by a later step than its rows. So a step that deletes nothing is the last one.
    dropModels: `
      with log as (select id from ${logs} where name = $1),
        a as (delete from ${followers} where log = (select id from log) returning 1),
        b as (delete from ${rows} where ctid in (
          select ctid from ${rows} where tbl in (select id from ${tables} where log = (select id from log)) limit $2)
          returning 1),
        c as (delete from ${tables} t where log = (select id from log)
          and not exists (select from ${rows} where tbl = t.id) returning 1)
      select (select count(*) from a) + (select count(*) from b) + (select count(*) from c) as deleted`,
  } as const;
}

/** The statements that delete the read models of a log without records, which has few rows. `$1` is its number. */
export function deleteModels(schema: string): readonly string[] {
  return [
    `delete from ${schema}.dacapo_rows where tbl in (select id from ${schema}.dacapo_tables where log = $1)`,
    `delete from ${schema}.dacapo_tables where log = $1`,
    `delete from ${schema}.dacapo_followers where log = $1`,
  ];
}
