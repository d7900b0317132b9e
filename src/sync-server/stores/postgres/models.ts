/**
 * The read models of the Postgres store.
 *
 * Guarantees (event-store.postgres.test.ts): each call is one statement, and a write is one call of a function.
 */
import { BugError } from "../../../core/values/errors.ts";
import { parseOwnJson } from "../../../core/values/json.ts";
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
import { sqlNameOf } from "../sql-tables.ts";
import { keyOfStored, keysBehind, storedKey } from "../row-keys.ts";
import { type FollowerRow, type LogRow, type ModelQueries, type TableRow } from "./model-queries.ts";
import type { Statement, Statements } from "./pool.ts";
import { cursorOfColumns } from "./queries.ts";
import { PostgresSqlReads } from "./sql-reads.ts";
import { changesSqlTables, dropSqlTable, writeSqlTables } from "./sql-write.ts";

/** Calls of the event store, which opens it first and classifies its errors. */
export type ModelCalls = {
  /** A read is sent again if its connection is lost. */
  readonly read: Statement;
  readonly write: Statement;
  readonly transaction: <Result>(name: string, work: (sql: Statements) => Promise<Result>) => Promise<Result>;
};

export class PostgresModels implements ModelStore {
  readonly sql: PostgresSqlReads;
  readonly #calls: ModelCalls;
  readonly #queries: ModelQueries;
  readonly #schema: string;

  constructor(schema: string, queries: ModelQueries, calls: ModelCalls) {
    this.#schema = schema;
    this.#calls = calls;
    this.#queries = queries;
    this.sql = new PostgresSqlReads(schema, calls.transaction, async (sql, log, follower) => {
      type Found = FollowerRow & { readonly tbl: number | null; readonly table_name: string | null };
      const rows = await sql.rows<Found>(this.#queries.followerTables, [log, follower]);
      const found = rows[0] && followerOf(rows[0]);
      const ids = rows.flatMap(({ tbl, table_name }) =>
        tbl === null || table_name === null ? [] : ([[table_name, tbl]] as const),
      );
      return found ? { follower: found, ids: new Map(ids) } : null;
    });
  }

  async followers(log: string): Promise<LogFollowers> {
    const rows = await this.#calls.read<LogRow>("followers", this.#queries.followers, [log]);
    const [first] = rows;
    if (!first) return { kind: "absent" };
    if (first.state !== "open") return { kind: "gone" };
    const head = cursorOfColumns({ position: first.head_position, mark: first.head_mark });
    return { kind: "open", head, followers: rows.flatMap((row) => followerOf(row) ?? []) };
  }

  async write(log: string, write: ModelWrite): Promise<ModelWriteResult> {
    checkModelWrite(write);
    const { writeModels } = this.#queries;
    const values = [log, ...modelParameters(write)];
    if (changesSqlTables(write))
      return this.#calls.transaction("writeModels", (sql) =>
        writeSqlTables<ModelWriteResult>(sql, this.#schema, { log, models: write, findsAll: true }, async () =>
          functionResult(await sql.rows<{ result: string }>(writeModels, values), log),
        ),
      );
    const rows = await this.#calls.write<{ result: string }>("writeModels", writeModels, values);
    return parseOwnJson<ModelWriteResult>(functionResult(rows, log));
  }

  async rows(log: string, follower: string, table: string, range: RowRange): Promise<RowPage | null> {
    const found = await this.#found(log, follower, table, range);
    const [first] = found;
    const state = first && followerOf(first);
    if (!state) return null;
    const rows: [string, string | null][] = [];
    let size = 0;
    for (const { key, row, bytes } of found) {
      if (key === null) continue;
      size += bytes;
      if (rows.length >= range.limit || (rows.length > 0 && size > range.bytes))
        return { follower: state, rows, more: true };
      rows.push([keyOfStored(key), row]);
    }
    return { follower: state, rows, more: false };
  }

  async lease(log: string, follower: string, holder: string, ms: number): Promise<boolean> {
    const held = await this.#calls.write("lease", this.#queries.lease, [log, follower, holder, ms]);
    return held.length > 0 && ms > 0;
  }

  async sweep(rowsMax: number): Promise<boolean> {
    const { sweepRows, sweepTable, orphans } = this.#queries;
    type Swept = { readonly id: number | null; readonly name: string | null; readonly deleted: number };
    const [swept] = await this.#calls.write<Swept>("sweepRows", sweepRows, [rowsMax]);
    if (!swept || swept.id === null) return false;
    const [id, sqlName] = [swept.id, sqlNameOf(swept.name ?? "")];
    if (sqlName !== null) await this.#calls.transaction("sweep", (sql) => dropSqlTable(sql, this.#schema, sqlName, id));
    else if (swept.deleted < rowsMax) await this.#calls.write("sweepTable", sweepTable, [swept.id]);
    return (await this.#calls.read("orphans", orphans, [])).length > 0;
  }

  async due(names: readonly string[], now: number, after: string | null, limit: number): Promise<DuePage> {
    const values = [after ?? "", limit, JSON.stringify(names), names.length, now];
    type Due = { readonly name: string; readonly is_due: boolean };
    const page = await this.#calls.read<Due>("due", this.#queries.due, values);
    const logs = page.filter(({ is_due }) => is_due).map(({ name }) => name);
    return { logs, next: page.length === limit ? (page.at(-1)?.name ?? null) : null };
  }

  #found(log: string, follower: string, table: string, range: RowRange): Promise<readonly TableRow[]> {
    const { rowsByKey, rowsInRange } = this.#queries;
    const { after, limit, bytes } = range;
    const values = [log, follower, table, limit, bytes];
    if ("keys" in range) {
      const keys = JSON.stringify(keysBehind(range.keys, after).map(storedKey));
      return this.#calls.read<TableRow>("rowsByKey", rowsByKey, [...values, keys]);
    }
    const { from, to } = range;
    const bounds = [storedKey(from ?? ""), to && storedKey(to), after === null ? null : storedKey(after)];
    return this.#calls.read<TableRow>("rowsInRange", rowsInRange, [...values, ...bounds]);
  }
}

/** The result of the function, as JSON. */
export function functionResult([row]: readonly { readonly result: string }[], log: string): string {
  if (row) return row.result;
  throw new BugError("The function of the store returned no row", { log });
}

/** The followers, the tables and the rows of a write as three JSON texts. */
export function modelParameters({ followers, rows }: ModelWrite): readonly [string, string, string] {
  const states = followers.map(({ name, revision, next }) => {
    if (next === null) return { name, revision, kind: "remove" };
    if (next === "check") return { name, revision, kind: "check" };
    const { at, wake, text } = next;
    return { name, revision, kind: "next", position: at?.position ?? 0, mark: at?.mark ?? null, wake, text };
  });
  const tables = followers.flatMap(({ name: follower, next }) =>
    Object.entries(next === null || next === "check" ? {} : next.tables).map(([name, change]) =>
      typeof change === "object"
        ? { follower, name, change: "from", source: change.from }
        : { follower, name, change, source: null },
    ),
  );
  const changes = rows.flatMap(({ follower, table: name, set, remove }) => [
    ...set.map(([key, row]) => ({ follower, name, key: storedKey(key), row, removed: false })),
    ...remove.map((key) => ({ follower, name, key: storedKey(key), row: null, removed: true })),
  ]);
  return [JSON.stringify(states), JSON.stringify(tables), JSON.stringify(changes)];
}

function followerOf({ name, revision, position, mark, wake, text }: FollowerRow): Follower | null {
  return name === null ? null : { name, revision, at: cursorOfColumns({ position, mark }), wake, text };
}
