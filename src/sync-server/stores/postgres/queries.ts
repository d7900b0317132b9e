/** The statements that read the Postgres tables. Each is one statement, so that it sees one snapshot (S5). */
import type { Cursor } from "../../../core/history/record.ts";

export type HeadRow = { readonly position: number; readonly mark: string | null; readonly state: string };

/** One record of a page, or no record: the log's head alone. */
export type PageRow = HeadRow & {
  readonly at_mark: string | null;
  readonly first: number | null;
  readonly last: number;
  readonly record_mark: string;
  readonly commit_id: string;
  readonly actor: string;
  readonly streams: string;
  readonly text: string;
  readonly bytes: number;
};

export function cursorOfColumns({ position, mark }: Pick<HeadRow, "position" | "mark">): Cursor | null {
  return mark === null ? null : { position, mark };
}

/** The statements of one schema. Its name is quoted already. */
export type Queries = ReturnType<typeof queriesOf>;

const RECORD_COLUMNS = `r.first, r.last, r.mark as record_mark, r.commit_id, r.actor, r.streams, r.text,
  octet_length(r.text) as bytes`;

export function queriesOf(schema: string) {
  const [logs, records] = [`${schema}.dacapo_logs`, `${schema}.dacapo_records`];
  const [streamRecords, outcomes] = [`${schema}.dacapo_stream_records`, `${schema}.dacapo_outcomes`];
  const tickets = `${schema}.dacapo_spent_tickets`;
  // Postgres sends all rows of a statement, so the statement itself stops at the page's limits: $3 events, $4 bytes.
  const limited = (page: string): string => `
    select * from (
      select p.*, sum(bytes) over (order by last) - bytes as bytes_before, row_number() over (order by last) as n
      from (${page}) p
    ) sized
    where n = 1 or bytes_before < $4`;
  return {
    head: `select position, mark, state from ${logs} where name = $1`,
    hold: `select id from ${logs} where name = $1 for update`,
    append: `select ${schema}.dacapo_append_1($1, $2, $3, $4::text::json, $5::text::json, $6::text::json, $7, $8)
             as result`,
    page: `
      select l.position, l.mark, l.state,
        (select mark from ${records} where log = l.id and last = $2) as at_mark, page.*
      from ${logs} l
      left join lateral (${limited(
        // Each record has an event, so a page of $3 events has at most $3 records.
        `select ${RECORD_COLUMNS} from ${records} r where r.log = l.id and r.last > $2 order by r.last limit $3`,
      )}) page on l.state = 'open'
      where l.name = $1
      order by page.last`,
    stream: `
      select l.position, l.mark, l.state, null as at_mark, page.*
      from ${logs} l
      join lateral (${limited(
        `select ${RECORD_COLUMNS} from ${streamRecords} s join ${records} r on r.log = s.log and r.last = s.record
         where s.log = l.id and s.stream = $5 and s.version > $2 order by s.version limit $3`,
      )}) page on true
      where l.name = $1 and l.state = 'open'
      order by page.last`,
    // The limit makes the planner look each stream up in the index. Otherwise it may scan all streams of the log.
    written: `
      with log as (select id from ${logs} where name = $1 and state = 'open'),
        names as (select distinct stream from json_array_elements_text($2::text::json) as i(stream))
      select names.stream from names join lateral (
        select 1 from ${streamRecords} where log = (select id from log) and stream = names.stream limit 1) one on true`,
    known: `
      with log as (select id from ${logs} where name = $1 and state = 'open'),
        ids as (select distinct id from json_array_elements_text($2::text::json) as i(id))
      select r.commit_id, r.actor, r.last, r.mark, null as text
        from log, ids join lateral (
          select * from ${records} where log = (select id from log) and commit_id = ids.id) r on true
      union all
      select o.commit_id, o.actor, null, null, o.text
        from log, ids join lateral (
          select * from ${outcomes} where log = (select id from log) and commit_id = ids.id) o on true`,
    markDropping: `
      insert into ${logs} (name, position, mark, state) values ($1, 0, null, 'dropping')
      on conflict (name) do update set position = 0, mark = null, state = 'dropping'`,
    // Deletes at most $2 rows of each table. The name is gone for good when no row is left.
    deleteStep: `
      with log as (select id from ${logs} where name = $1),
        a as (delete from ${records} where ctid in (
          select ctid from ${records} where log = (select id from log) limit $2) returning 1),
        b as (delete from ${outcomes} where ctid in (
          select ctid from ${outcomes} where log = (select id from log) limit $2) returning 1),
        c as (delete from ${streamRecords} where ctid in (
          select ctid from ${streamRecords} where log = (select id from log) limit $2) returning 1)
      select (select count(*) from a) + (select count(*) from b) + (select count(*) from c) as deleted`,
    markGone: `update ${logs} set state = 'gone' where name = $1 and state = 'dropping'`,
    dropping: `select name from ${logs} where state = 'dropping'`,
    server: `select id from ${schema}.dacapo_server`,
    // Each call also deletes a few expired rows. It skips those that another node deletes now, so it never waits.
    spend: `
      with expired as (delete from ${tickets} where nonce in (
        select nonce from ${tickets} where until <= $3 order by until limit 10 for update skip locked))
      insert into ${tickets} (nonce, until) values ($1, $2) on conflict do nothing returning nonce`,
    outcomes: `
      select o.commit_id, o.actor, o.received, o.text from ${outcomes} o
      where o.log = (select id from ${logs} where name = $1 and state = 'open') and (o.commit_id, o.actor) > ($2, $3)
      order by o.commit_id, o.actor limit $4`,
    dropped: `select name from ${logs} where state <> 'open' order by name`,
    open: `select name from ${logs} where state = 'open' order by name`,
  } as const;
}
