// Bare inserts of the rows of commits into Postgres: one pipelined transaction for each log, and no server.
import pg from "pg";
import { postgres } from "dacapo/postgres";
import { type BareCommit, BareRows } from "./bare-rows.ts";
import type { Load, Measured } from "./http-load.ts";

/** As many connections as Dacapo's store has by default. */
const CONNECTIONS = 16;

const INSERT_RECORDS = `insert into dacapo_records (log, last, first, mark, commit_id, actor, streams, text)
  select $1, last, first, mark, commit_id, 'device-1', streams, text from json_to_recordset($2::text::json) as r(
    last bigint, first bigint, mark text, commit_id text, streams text, text text)`;
const INSERT_STREAMS = `insert into dacapo_stream_records (log, stream, version, record)
  select $1, stream, 1, record from json_to_recordset($2::text::json) as s(stream text, record bigint)`;
const MOVE_HEAD = "update dacapo_logs set position = $2, mark = $3 where id = $1";

export type BarePostgres = {
  readonly run: (load: Load, ms: number) => Promise<Measured>;
  readonly close: () => Promise<void>;
};

/** Opens a database with the tables of Dacapo's store. */
export async function barePostgres(url: string): Promise<BarePostgres> {
  const store = postgres(url);
  await store.open?.();
  await store.close();
  const clients = Array.from({ length: CONNECTIONS }, () => new pg.Client({ connectionString: url, pipeline: true }));
  await Promise.all(clients.map((client) => client.connect()));
  const rows = new BareRows();
  let runs = 0;

  const insert = async (log: number, commits: readonly BareCommit[]): Promise<void> => {
    const client = clients[log % CONNECTIONS];
    const last = commits.at(-1);
    if (!client || !last) return;
    const records = commits.map(({ commit, streamsText, ...record }) => ({
      ...record,
      commit_id: commit,
      streams: streamsText,
    }));
    const streams = commits.flatMap(({ streams, last }) => streams.map((stream) => ({ stream, record: last })));
    // One round trip: the driver sends all statements before the first answer.
    await Promise.all([
      client.query("begin"),
      client.query({ name: "records", text: INSERT_RECORDS, values: [log, JSON.stringify(records)] }),
      client.query({ name: "streams", text: INSERT_STREAMS, values: [log, JSON.stringify(streams)] }),
      client.query({ name: "head", text: MOVE_HEAD, values: [log, last.last, last.mark] }),
      client.query("commit"),
    ]);
  };

  return {
    run: async ({ clients: devices, logs, events }, ms) => {
      const run = runs++;
      const ids = await Promise.all(Array.from({ length: logs }, (_, n) => addLog(clients[0], `bare-${run}-${n}`)));
      const times: number[] = [];
      const begun = performance.now();
      await Promise.all(
        ids.map(async (id) => {
          let position = 0;
          while (performance.now() - begun < ms) {
            const group = Array.from({ length: devices / logs }, (_, client) => {
              const commit = rows.next(events, position, client + id);
              position = commit.last;
              return commit;
            });
            const start = performance.now();
            await insert(id, group);
            const took = performance.now() - start;
            for (let client = 0; client < group.length; client++) times.push(took);
          }
        }),
      );
      return { commits: times.length, ms: performance.now() - begun, times };
    },
    close: async () => void (await Promise.all(clients.map((client) => client.end()))),
  };
}

async function addLog(client: pg.Client | undefined, name: string): Promise<number> {
  const added = await client?.query<{ id: string }>(
    "insert into dacapo_logs (name, position, mark, state) values ($1, 0, null, 'open') returning id",
    [name],
  );
  return Number(added?.rows[0]?.id);
}
