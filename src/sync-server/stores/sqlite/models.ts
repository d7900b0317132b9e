/**
 * The read models of a SQLite database, for `node:sqlite` and for Durable Objects.
 *
 * Guarantees: each call is one transaction of the event store, so it sees one snapshot (M4) and fails as that does.
 */
import { checkModelWrite } from "../check-model-write.ts";
import type {
  DuePage,
  Follower,
  LogFollowers,
  ModelStore,
  ModelWrite,
  ModelWriteResult,
  RowPage,
  RowRange,
} from "../model-store.ts";
import { compareKeys, keyOfStored, keysBehind, storedKey } from "../row-keys.ts";
import { findLog, headOf, isRecordEnd, type LogRow, tableId } from "./rows.ts";
import type { Sql, SqlValue } from "./sql.ts";
import { hasModelTables, prepareModelTables } from "./model-layout.ts";
import { ModelChange } from "./model-write.ts";
import { SqliteSqlReads } from "./sql-reads.ts";
import { dropSqlTable, dropSqlTables, findAllRefused, undoneIfVetoed } from "./sql-write.ts";
import { sqlNameOf } from "../sql-tables.ts";

/** The transactions of the event store. */
export type ModelCalls = {
  readonly read: <Result>(place: string, work: () => Result) => Promise<Result>;
  /**
   * Creates the tables first. It may share its transaction with appends. `bytes` is about the size of the new data, in
   * UTF-16 units.
   */
  readonly write: <Result>(place: string, bytes: number, work: () => Result) => Promise<Result>;
};

type FollowerRow = {
  readonly name: string;
  readonly revision: number;
  readonly position: number;
  readonly mark: string | null;
  readonly wake: number | null;
  readonly text: string;
};

/** Bytes of a text that is read together with its key. A longer one is read alone, if it is on the page. */
const SMALL_BYTES = 4_096;
const FOLLOWER = "name, revision, position, mark, wake, text";
/** The clock of the store, in milliseconds since the epoch. */
const NOW = "cast(unixepoch('subsec') * 1000 as integer)";

export class SqlModels implements ModelStore {
  readonly sql: SqliteSqlReads;
  readonly #sql: Sql;
  readonly #calls: ModelCalls;
  /** Another process may create the tables, so only true is kept. */
  #hasTables = false;
  #hasLogs = false;

  constructor(sql: Sql, calls: ModelCalls) {
    this.#sql = sql;
    this.#calls = calls;
    this.sql = new SqliteSqlReads(sql, (log, follower, work) =>
      calls.read("SQL tables", () => {
        const found = this.#followerOf(log, follower);
        return found && work(found);
      }),
    );
  }

  followers(name: string): Promise<LogFollowers> {
    return this.#calls.read("followers", () => {
      const log = this.#find(name);
      if (log === undefined) return { kind: "absent" };
      if (log.state !== "open") return { kind: "gone" };
      const query = `select ${FOLLOWER} from dacapo_followers where log = ? and revision > 0 order by name`;
      const rows = this.#isReady() ? [...this.#sql.rows<FollowerRow>(query, log.id)] : [];
      return { kind: "open", head: headOf(this.#sql, log.id), followers: rows.map(followerOf) };
    });
  }

  async write(name: string, write: ModelWrite): Promise<ModelWriteResult> {
    checkModelWrite(write);
    const run = (part: ModelWrite, last?: (log: number) => void): ModelWriteResult => {
      const log = this.#find(name);
      if (log === undefined) return { kind: "absent" };
      if (log.state !== "open") return { kind: "gone" };
      const change = new ModelChange(this.#sql, part);
      const followers = change.moved(log.id, (at) => isRecordEnd(this.#sql, log.id, at));
      if (followers.length > 0) return { kind: "moved", followers };
      change.apply(log.id);
      last?.(log.id);
      return { kind: "ok" };
    };
    const work = (): ModelWriteResult => {
      const result = undoneIfVetoed(this.#sql, write, () => run(write));
      if (result.kind !== "vetoed") return result;
      // A savepoint for each event costs time, so only a write with a refused statement has them.
      const find = (log: number): never => findAllRefused(this.#sql, log, write, result);
      return undoneIfVetoed(this.#sql, write, () => run({ ...write, statements: [] }, find));
    };
    return this.#calls.write("write of read models", bytesOf(write), work);
  }

  rows(name: string, follower: string, table: string, range: RowRange): Promise<RowPage | null> {
    return this.#calls.read("rows", () => {
      const found = this.#followerOf(name, follower);
      const id = found && tableId(this.#sql, found.log, follower, table);
      if (!found || id === null || id === undefined) return null;
      return { follower: found.follower, ...this.#page(id, range) };
    });
  }

  lease(name: string, follower: string, holder: string, ms: number): Promise<boolean> {
    return this.#calls.write("lease", 0, () => {
      const log = this.#find(name);
      if (log?.state !== "open") return false;
      const held = this.#sql.rows<{ holder: string | null }>(
        `insert into dacapo_followers (log, name, revision, position, holder, held_until, text)
         values (?, ?, 0, 0, ?, ${NOW} + ?, '')
         on conflict (log, name) do update set holder = excluded.holder, held_until = excluded.held_until
           where holder is null or holder = excluded.holder or held_until <= ${NOW}
         returning holder`,
        log.id,
        follower,
        holder,
        ms,
      );
      return [...held].length > 0 && ms > 0;
    });
  }

  async sweep(rowsMax: number): Promise<boolean> {
    const isThere = (): boolean => this.#isReady() && orphanOf(this.#sql) !== undefined;
    if (!(await this.#calls.read("sweep", isThere))) return false;
    return this.#calls.write("sweep", 0, () => {
      const orphan = orphanOf(this.#sql);
      if (orphan === undefined) return false;
      const { id: table, name } = orphan;
      const sqlName = sqlNameOf(name);
      if (sqlName !== null && !dropSqlTable(this.#sql, sqlName, table)) return false;
      const rows = "select rowid from dacapo_rows where tbl = ? limit ?";
      this.#sql.run(`delete from dacapo_rows where rowid in (${rows})`, table, rowsMax);
      if (this.#sql.first("select tbl from dacapo_rows where tbl = ? limit 1", table) === undefined)
        this.#sql.run("delete from dacapo_tables where id = ?", table);
      return isThere();
    });
  }

  due(names: readonly string[], now: number, after: string | null, limit: number): Promise<DuePage> {
    return this.#calls.read("due", () => {
      if (!this.#hasEvents()) return { logs: [], next: null };
      const page = [
        ...this.#sql.rows<{ id: number; name: string }>(
          "select id, name from dacapo_logs where state = 'open' and name > ? order by name limit ?",
          after ?? "",
          limit,
        ),
      ];
      const logs = page.filter(({ id }) => {
        const head = headOf(this.#sql, id);
        if (!this.#isReady()) return names.length > 0 && head !== null;
        const followed = this.#sql.first<{ n: number }>(
          `select count(*) as n from dacapo_followers
           where log = ? and position = ? and mark = ? and revision > 0
             and name in (select value from json_each(?))`,
          id,
          head?.position ?? 0,
          head?.mark ?? "",
          JSON.stringify(names),
        );
        const woken = "select log from dacapo_followers where log = ? and wake <= ? limit 1";
        return (head !== null && (followed?.n ?? 0) < names.length) || this.#sql.first(woken, id, now) !== undefined;
      });
      return { logs: logs.map(({ name }) => name), next: page.length === limit ? (page.at(-1)?.name ?? null) : null };
    });
  }

  #page(id: number, range: RowRange): Pick<RowPage, "rows" | "more"> {
    type Row = { readonly key: string; readonly row: string | null; readonly bytes: number };
    const { limit, bytes } = range;
    // The loop reads to the end, because a Durable Object cannot close a cursor. So it reads only small texts.
    const rowsMax = "keys" in range ? Math.max(limit, range.keys.length) : limit;
    const smallMax = Math.max(bytes / rowsMax, SMALL_BYTES);
    const { from, end, values } = selected(id, range);
    const found = this.#sql.rows<Row>(
      `select r.key, iif(octet_length(row) > ?, null, row) as row, coalesce(octet_length(row), 0) as bytes
       from ${from} order by r.key ${end}`,
      smallMax,
      ...values,
    );
    const rows: Row[] = [];
    let size = 0;
    let more = false;
    for (const row of found) {
      size += row.bytes;
      more ||= rows.length >= limit || (rows.length > 0 && size > bytes);
      if (!more) rows.push(row);
    }
    const text = "select row from dacapo_rows where tbl = ? and key = ?";
    const whole = (one: Row): Row | undefined => (one.bytes > smallMax ? this.#sql.first(text, id, one.key) : one);
    return { rows: rows.map((one) => [keyOfStored(one.key), whole(one)?.row ?? null]), more };
  }

  #followerOf(name: string, follower: string): { readonly log: number; readonly follower: Follower } | null {
    const log = this.#isReady() ? this.#find(name) : undefined;
    if (log?.state !== "open") return null;
    const query = `select ${FOLLOWER} from dacapo_followers where log = ? and name = ? and revision > 0`;
    const found = this.#sql.first<FollowerRow>(query, log.id, follower);
    return found ? { log: log.id, follower: followerOf(found) } : null;
  }

  #isReady(): boolean {
    this.#hasTables ||= hasModelTables(this.#sql);
    return this.#hasTables;
  }

  #hasEvents(): boolean {
    const tables = "select name from pragma_table_info('dacapo_logs') limit 1";
    this.#hasLogs ||= this.#sql.first(tables) !== undefined;
    return this.#hasLogs;
  }

  #find(name: string): LogRow | undefined {
    return this.#hasEvents() ? findLog(this.#sql, name) : undefined;
  }
}

/** Deletes up to `rowsMax` followers, tables and rows of a dropped log (M11). Returns true if some are left. */
export function dropModelStep(sql: Sql, log: number, rowsMax: number): boolean {
  if (!hasModelTables(sql)) return false;
  const tables = "select id from dacapo_tables where log = ?";
  sql.run("delete from dacapo_followers where log = ?", log);
  sql.run(
    `delete from dacapo_rows where rowid in (select rowid from dacapo_rows where tbl in (${tables}) limit ?)`,
    log,
    rowsMax,
  );
  if (sql.first(`select tbl from dacapo_rows where tbl in (${tables}) limit 1`, log) !== undefined) return true;
  prepareModelTables(sql);
  dropSqlTables(sql, log);
  return false;
}

type Selected = { readonly from: string; readonly end: string; readonly values: readonly SqlValue[] };

/** The keys of a page. Each bound is a condition of its own, so that SQLite reads only the keys between them. */
function selected(table: number, range: RowRange): Selected {
  const { after } = range;
  if ("keys" in range) {
    const list = JSON.stringify(keysBehind(range.keys, after).map(storedKey));
    const from = "json_each(?) k cross join dacapo_rows r on tbl = ? and r.key = value";
    // Without a limit, because SQLite compiles a statement again for each value of a limit.
    return { from, end: "", values: [list, table] };
  }
  const { from, to, limit } = range;
  const begin = from ?? "";
  const isAfter = after !== null && compareKeys(after, begin) >= 0;
  return {
    from: `dacapo_rows r where tbl = ? and key ${isAfter ? ">" : ">="} ?${to === null ? "" : " and key < ?"}`,
    end: "limit ?",
    values: [table, storedKey(isAfter ? after : begin), ...(to === null ? [] : [storedKey(to)]), limit + 1],
  };
}

function bytesOf({ rows }: ModelWrite): number {
  return rows.reduce(
    (sum, { set }) => set.reduce((size, [key, text]) => size + key.length + (text?.length ?? 0), sum),
    0,
  );
}

function orphanOf(sql: Sql): { readonly id: number; readonly name: string } | undefined {
  return sql.first("select id, name from dacapo_tables where follower is null limit 1");
}

function followerOf({ name, revision, position, mark, wake, text }: FollowerRow): Follower {
  return { name, revision, at: mark === null ? null : { position, mark }, wake, text };
}
