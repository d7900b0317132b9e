// `npm run bench -- postgres-tables`: the tables of the Postgres store after many appends, and after a drop.
// `APPENDS=1000000` is the number of appends for each fill factor of `dacapo_logs`, which each append updates.
//
// The database itself calls the store's own function, one transaction for each append, because a million calls over a
// connection take an hour. Two sessions append at once. Autovacuum runs with its defaults.
import pg from "pg";
import { postgres } from "dacapo/postgres";
import { startPostgres } from "../test/support/postgres-cluster.ts";
import { printTable, writeResult } from "./support/results.ts";

const appends = Number(process.env["APPENDS"] ?? 20_000);
const LOGS = 200;
const SESSIONS = 2;
const PER_STATEMENT = 1_000;
/** 50 is the store's, 100 the default of Postgres. */
const FILL_FACTORS = [50, 100, 20];

type Row = Record<string, string | number>;

const cluster = await startPostgres();
try {
  const rows: Row[] = [];
  let drop: (string | number)[][] = [];
  for (const fillFactor of FILL_FACTORS) {
    const row = await measure(`fill${fillFactor}`, fillFactor);
    rows.push(row);
    console.log(JSON.stringify(row));
    if (rows.length > 1) continue;
    drop = await measureDrop(`fill${fillFactor}`);
    console.log(JSON.stringify(drop));
  }
  const head = Object.keys(rows[0] ?? {});
  printTable(
    head,
    rows.map((row) => head.map((name) => row[name] ?? "")),
  );
  printTable(["after the drop of half of the logs", "MiB", "dead rows"], drop);
  writeResult("postgres-tables", { appends, logs: LOGS, rows, drop });
} finally {
  await cluster.stop();
}

async function measure(schema: string, fillFactor: number): Promise<Row> {
  const store = postgres({ url: cluster.url, schema });
  await store.open?.();
  await store.close();
  await cluster.query(`alter table ${schema}.dacapo_logs set (fillfactor = ${fillFactor})`);
  const begin = performance.now();
  await Promise.all(Array.from({ length: SESSIONS }, (_, n) => appendAll(schema, n)));
  const seconds = (performance.now() - begin) / 1000;
  const [logs] = await cluster.query(
    `select n_tup_upd::int as updates, n_tup_hot_upd::int as hot, n_dead_tup::int as dead,
       (autovacuum_count)::int as vacuums,
       pg_relation_size(relid)::int as bytes, pg_indexes_size(relid)::int as indexes
     from pg_stat_user_tables where schemaname = '${schema}' and relname = 'dacapo_logs'`,
  );
  const number = (name: string) => Number(logs?.[name] ?? 0);
  const sizes = await tableSizes(schema);
  return {
    "fill factor": fillFactor,
    appends,
    "a second": Math.round(appends / seconds),
    "logs HOT %": ((100 * number("hot")) / number("updates")).toFixed(1),
    "logs KiB": Math.round(number("bytes") / 1024),
    "its indexes KiB": Math.round(number("indexes") / 1024),
    "dead rows": number("dead"),
    autovacuums: number("vacuums"),
    "records MiB": sizes.get("dacapo_records") ?? 0,
    "streams MiB": sizes.get("dacapo_stream_records") ?? 0,
  };
}

/**
 * Appends to the logs of one session in turn. Each log has 20 streams, and each record has about 400 bytes. Each
 * statement makes only some appends, because a session reports its counts to autovacuum between statements.
 */
async function appendAll(schema: string, session: number): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url });
  await client.connect();
  const logs = LOGS / SESSIONS;
  for (let made = 0; made < appends / SESSIONS; made += PER_STATEMENT)
    await client.query(`do $$
      declare
        logs constant int := ${logs};
        l text; p bigint; m text; head record; result text;
      begin
        for n in 1..${PER_STATEMENT} loop
          l := 'log-' || n % logs || '-${session}';
          select position, mark into head from ${schema}.dacapo_logs where name = l;
          p := coalesce(head.position, 0) + 1;
          m := substr(md5(random()::text), 1, 16);
          result := ${schema}.dacapo_append_1(l, p - 1, head.mark,
            json_build_array(json_build_object('first', p, 'last', p, 'mark', m, 'commit_id', gen_random_uuid(),
              'actor', 'ada', 'streams', '[["task/t' || p % 20 || '",' || p || ',' || p || ']]',
              'text', repeat('x', 400))),
            json_build_array(json_build_object('stream', 'task/t' || p % 20, 'version', p, 'record', p)),
            '[]', 0, 1000);
          if result <> '{"kind":"ok"}' then raise exception 'append %: %', n, result; end if;
          commit;
        end loop;
      end $$`);
  await client.end();
}

async function measureDrop(schema: string): Promise<(string | number)[][]> {
  const store = postgres({ url: cluster.url, schema });
  const state = async (when: string) => {
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const sizes = await tableSizes(schema);
    const [{ dead } = { dead: 0 }] = await cluster.query(
      `select sum(n_dead_tup)::int as dead from pg_stat_user_tables where schemaname = '${schema}'`,
    );
    return [when, [...sizes.values()].reduce((sum, size) => sum + size, 0), Number(dead)];
  };
  const before = await state("before");
  const names = await store.logs();
  const begin = performance.now();
  for (const name of names.filter((_, n) => n % 2 === 0)) await store.drop(name);
  const seconds = (performance.now() - begin) / 1000;
  await store.close();
  const dropped = await state(`after ${seconds.toFixed(1)} s`);
  for (const table of ["dacapo_logs", "dacapo_records", "dacapo_stream_records"])
    await cluster.query(`vacuum ${schema}.${table}`);
  return [before, dropped, await state("after vacuum")];
}

/** The size of each table with its indexes, in MiB. */
async function tableSizes(schema: string): Promise<ReadonlyMap<string, number>> {
  const tables = await cluster.query(
    `select relname, pg_total_relation_size(relid) as bytes from pg_stat_user_tables where schemaname = '${schema}'`,
  );
  return new Map(tables.map(({ relname, bytes }) => [String(relname), Math.round(Number(bytes) / 1024 / 1024)]));
}
