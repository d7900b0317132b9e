/**
 * The function in the database that makes one append: one call, one round trip, one transaction.
 *
 * Statement by statement an append took three to six times as long with many logs (docs/decisions/postgres-store.md).
 *
 * Guarantees:
 * - The function locks the log's row first and checks afterwards. Each statement of a volatile function has its own
 *   snapshot, so the checks see every append that held the lock before (S1, S8).
 * - A refused append changes nothing (S1), because every check comes before the first write.
 * - Positions become visible in order, because the row stays locked until the transaction ends.
 */
export function appendFunction(schema: string): string {
  return `create or replace function ${schema}.dacapo_append_1(
  p_log text, p_position bigint, p_mark text, p_records json, p_streams json, p_outcomes json,
  p_forget_before bigint, p_per_actor_max bigint
) returns text language plpgsql volatile as $dacapo$
declare
  v_id bigint;
  v_position bigint;
  v_mark text;
  v_state text;
  v_known json;
begin
  select id, position, mark, state into v_id, v_position, v_mark, v_state
    from ${schema}.dacapo_logs where name = p_log for update;
  if not found then
    if p_mark is not null then return '{"kind":"moved","head":null}'; end if;
    if json_array_length(p_records) + json_array_length(p_outcomes) = 0 then return '{"kind":"ok"}'; end if;
    insert into ${schema}.dacapo_logs (name, position, mark, state) values (p_log, 0, null, 'open')
      on conflict (name) do nothing;
    select id, position, mark, state into v_id, v_position, v_mark, v_state
      from ${schema}.dacapo_logs where name = p_log for update;
  end if;
  if v_state <> 'open' then return '{"kind":"gone"}'; end if;
  if v_mark is distinct from p_mark or (v_mark is not null and v_position <> p_position) then
    return json_build_object('kind', 'moved', 'head',
      case when v_mark is null then null else json_build_object('position', v_position, 'mark', v_mark) end)::text;
  end if;

  select json_agg(i.commit_id) into v_known
    from (
      select commit_id, actor from json_to_recordset(p_records) as r(commit_id text, actor text)
      union all
      select commit_id, actor from json_to_recordset(p_outcomes) as o(commit_id text, actor text)
    ) i
    -- Without statistics the planner reads all outcomes of the log, or of the actor. With "offset 0" it looks each id
    -- up, and an expression of the actor matches no index but that of the ids.
    where exists (select from ${schema}.dacapo_records where log = v_id and commit_id = i.commit_id offset 0)
       or exists (
         select from ${schema}.dacapo_outcomes
           where log = v_id and commit_id = i.commit_id and actor || '' = i.actor offset 0);
  if v_known is not null then return json_build_object('kind', 'known', 'commits', v_known)::text; end if;

  insert into ${schema}.dacapo_records (log, last, first, mark, commit_id, actor, streams, text)
    select v_id, last, first, mark, commit_id, actor, streams, text
      from json_to_recordset(p_records) as r(
        last bigint, first bigint, mark text, commit_id text, actor text, streams text, text text);
  insert into ${schema}.dacapo_stream_records (log, stream, version, record)
    select v_id, stream, version, record
      from json_to_recordset(p_streams) as s(stream text, version bigint, record bigint);
  if json_array_length(p_records) > 0 then
    update ${schema}.dacapo_logs l set position = e.last, mark = e.mark
      from (
        select last, mark from json_to_recordset(p_records) as r(last bigint, mark text) order by last desc limit 1
      ) e
      where l.id = v_id;
  end if;
  insert into ${schema}.dacapo_outcomes (log, commit_id, actor, received, text)
    select v_id, commit_id, actor, received, text
      from json_to_recordset(p_outcomes) as o(commit_id text, actor text, received bigint, text text);

  delete from ${schema}.dacapo_outcomes where log = v_id and received < p_forget_before;
  delete from ${schema}.dacapo_outcomes
    where id in (
      select id from (
        select id, row_number() over (partition by actor order by received desc, id desc) as n
          from ${schema}.dacapo_outcomes
          where log = v_id
            and actor in (select distinct actor from json_to_recordset(p_outcomes) as o(actor text))
      ) ranked
      where n > p_per_actor_max);
  return '{"kind":"ok"}';
end
$dacapo$`;
}
