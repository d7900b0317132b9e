// Bare inserts of the rows of commits into SQLite: the same tables, the same durability, and no server.
import { DatabaseSync } from "node:sqlite";
import { sqlite } from "dacapo/sqlite";
import { type BareCommit, BareRows } from "./bare-rows.ts";
import type { Load, Measured } from "./http-load.ts";

/** The key of a record is its log times this number, plus its last position. */
const POSITIONS = 100_000_000_000;

/** Opens a file with the tables of Dacapo's store, and returns a function that inserts for some milliseconds. */
export async function bareSqlite(path: string): Promise<(load: Load, ms: number) => Measured> {
  const store = sqlite(path);
  await store.id();
  await store.close();
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal");
  database.exec("pragma synchronous = full");
  const record = database.prepare(
    "insert into dacapo_records (id, first, mark, commit_id, actor, streams, text) values (?, ?, ?, ?, ?, ?, ?)",
  );
  const stream = database.prepare(
    "insert into dacapo_stream_records (log, stream, version, record) values (?, ?, ?, ?)",
  );
  const addLog = database.prepare("insert into dacapo_logs (name, state) values (?, 'open') returning id");
  const rows = new BareRows();
  let runs = 0;
  const insert = (log: number, commit: BareCommit): void => {
    const { last, first, mark, commit: id, streams, streamsText, text } = commit;
    record.run(log * POSITIONS + last, first, mark, id, "device-1", streamsText, text);
    for (const name of streams) stream.run(log, name, 1, last);
  };

  return ({ clients, logs, events }, ms) => {
    const run = runs++;
    const ids = Array.from({ length: logs }, (_, n) => Number(addLog.get(`bare-${run}-${n}`)?.["id"]));
    const positions = ids.map(() => 0);
    const times: number[] = [];
    let spent = 0;
    let cpuMs = 0;
    while (spent < ms) {
      // The rows are made outside the measured time. All clients that wait share one transaction.
      const group = Array.from({ length: clients }, (_, client) => {
        const log = client % logs;
        const commit = rows.next(events, positions[log] ?? 0, client);
        positions[log] = commit.last;
        return { log: ids[log] ?? 0, commit };
      });
      const cpuBefore = process.cpuUsage();
      const start = performance.now();
      database.exec("begin immediate");
      for (const { log, commit } of group) insert(log, commit);
      database.exec("commit");
      const took = performance.now() - start;
      spent += took;
      const { user, system } = process.cpuUsage(cpuBefore);
      cpuMs += (user + system) / 1_000;
      for (let client = 0; client < clients; client++) times.push(took);
    }
    return { commits: times.length, ms: spent, times, cpuMs };
  };
}
