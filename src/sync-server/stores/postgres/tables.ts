/**
 * The tables of Postgres behind the seam of `sql/tables`, for many nodes on one database.
 *
 * Guarantees (event-store.postgres.test.ts, postgres.failures.test.ts):
 * - Each call is one statement, so each is one transaction, except in a turn (S20). An append is a call of a function.
 * - A killed connection fails at most the calls that used it. A read is sent again, once, on another connection. An
 *   append is not, because it may have been written: its writer reads again and finds its commits by their ids (S2).
 */
import type { Cursor } from "../../../core/history/record.ts";
import { type DacapoError, StorageLostError } from "../../../core/values/errors.ts";
import type { AppendResult, OutcomeKey, ReadLimit, RenameResult, StoredRecord } from "../event-store.ts";
import type { StoreHints, StorePresence } from "../between-nodes.ts";
import type { ModelStore } from "../model-store.ts";
import type { FoundLog } from "../refuse-append.ts";
import type { AppendPlan } from "../sql/plan-append.ts";
import type { KnownRow, OutcomeRow } from "../sql/rows.ts";
import type { Call, FoundPage, LogTables, Tables } from "../sql/tables.ts";
import { classifyPostgresError } from "./failure.ts";
import { prepareLayout } from "./layout.ts";
import { LogStatements } from "./log-statements.ts";
import { type ModelQueries, modelQueriesOf } from "./model-queries.ts";
import { adoptId, renameLog } from "./move.ts";
import { NodeChannel } from "./node-channel.ts";
import { type PostgresPool, type Statements, statementsOf } from "./pool.ts";
import { dropSqlTables } from "./sql-write.ts";
import { type Queries, queriesOf } from "./queries.ts";

/** Rows that one step of a drop deletes from each table, so that no statement runs for long. */
const DROP_STEP_ROWS = 1_000;
/** Spent tickets are kept for so long after their end, because the clocks of nodes differ. */
const CLOCKS_DIFFER_MS_MAX = 3_600_000;

export class PostgresTables implements Tables {
  readonly hints: StoreHints;
  readonly presence: StorePresence;
  end: DacapoError | null = null;
  readonly #channel: NodeChannel;
  readonly #log: LogStatements;
  readonly #pool: PostgresPool;
  readonly #schema: string;
  readonly #queries: Queries;
  readonly #modelQueries: ModelQueries;

  #closing: Promise<void> | null = null;

  /** `schema` is the schema's name in quotes. */
  constructor(url: string, pool: PostgresPool, schema: string) {
    this.#channel = new NodeChannel({ url, schema, query: (text, values) => pool.query("notify", text, values) });
    this.hints = this.#channel.hints;
    this.presence = this.#channel.presence;
    this.#pool = pool;
    this.#schema = schema;
    this.#queries = queriesOf(schema);
    this.#modelQueries = modelQueriesOf(schema);
    this.#log = new LogStatements({
      queries: this.#queries,
      modelQueries: this.#modelQueries,
      schema,
      transaction: (work) => pool.transaction(work),
      read: (name, text, values) => this.#retried(name, text, values),
      write: (name, text, values) => this.#statement(name, text, values),
    });
  }

  async prepare(): Promise<void> {
    await this.#pool.transaction(async (sql) => {
      const [found] = await sql.rows<{ commits: string; encoding: string }>(
        "select current_setting('synchronous_commit') as commits, current_setting('server_encoding') as encoding",
        [],
      );
      if (found?.commits === "off") throw notDurable();
      // SQL_ASCII stores the bytes as they come.
      if (found && !/^(UTF8|SQL_ASCII)$/.test(found.encoding)) throw notUnicode(found.encoding);
      await prepareLayout(sql, this.#schema);
    });
  }

  head(log: string): Promise<FoundLog | undefined> {
    return this.#log.head(log);
  }

  append(log: string, plan: AppendPlan): Promise<AppendResult> {
    return this.#log.append(log, plan);
  }

  page(log: string, after: Cursor | null, limit: ReadLimit): Promise<FoundPage | undefined> {
    return this.#log.page(log, after, limit);
  }

  stream(log: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    return this.#log.stream(log, stream, after, limit);
  }

  written(log: string, streams: readonly string[]): Promise<readonly string[]> {
    return this.#log.written(log, streams);
  }

  known(log: string, commits: readonly string[]): Promise<readonly KnownRow[]> {
    return this.#log.known(log, commits);
  }

  models(call: Call): ModelStore {
    return this.#log.models(call);
  }

  /**
   * Holds the log's row, as an append does. So appends of other nodes wait, and the turns of all nodes come in order.
   * `work` uses only the connection that holds the row, so turns never wait for each other's connections.
   */
  hold<Result>(log: string, work: (held: LogTables) => Promise<Result>): Promise<Result> {
    return this.#pool.turn(async (statement) => {
      await statement("hold", this.#queries.hold, [log]);
      const [queries, modelQueries] = [this.#queries, this.#modelQueries];
      const [read, write] = [statement, statement];
      // A turn is a transaction already, on one connection.
      const transaction = <Own>(run: (sql: Statements) => Promise<Own>): Promise<Own> => run(statementsOf(statement));
      return work(new LogStatements({ queries, modelQueries, schema: this.#schema, transaction, read, write }));
    });
  }

  outcomes(log: string, after: OutcomeKey | null, limit: number): Promise<readonly OutcomeRow[]> {
    return this.#read<OutcomeRow>("outcomes", [log, after?.commit ?? "", after?.actor ?? "", limit]);
  }

  async names(state: "open" | "dropped" | "dropping"): Promise<readonly string[]> {
    return (await this.#read<{ name: string }>(state, [])).map(({ name }) => name);
  }

  rename(log: string, to: string): Promise<RenameResult> {
    return this.#pool.transaction((sql) => renameLog(sql, this.#schema, log, to));
  }

  async markDropping(log: string): Promise<void> {
    await this.#query("markDropping", [log]);
  }

  async deleteStep(log: string): Promise<boolean> {
    const [row] = await this.#query<{ deleted: number }>("deleteStep", [log, DROP_STEP_ROWS]);
    if (row && row.deleted > 0) return true;
    if (await this.#pool.transaction((sql) => dropSqlTables(sql, this.#schema, log))) return true;
    const [models] = await this.#statement<{ deleted: number }>("dropModels", this.#modelQueries.dropModels, [
      log,
      DROP_STEP_ROWS,
    ]);
    if (models && models.deleted > 0) return true;
    await this.#query("markGone", [log]);
    return false;
  }

  async id(): Promise<string | undefined> {
    return (await this.#read<{ id: string }>("server", []))[0]?.id;
  }

  adoptId(id: string): Promise<boolean> {
    return this.#pool.transaction((sql) => adoptId(sql, this.#schema, id));
  }

  async spend(nonce: string, until: number, now: number): Promise<boolean> {
    return (await this.#query("spend", [nonce, until, now - CLOCKS_DIFFER_MS_MAX])).length > 0;
  }

  failed(error: unknown, place: string): DacapoError {
    return classifyPostgresError(error, place).error;
  }

  async close(): Promise<void> {
    this.#closing ??= this.#channel.close().then(() => this.#pool.close());
    await this.#closing;
  }

  #read<Row extends object>(name: keyof Queries, values: unknown[]): Promise<readonly Row[]> {
    return this.#retried<Row>(name, this.#queries[name], values);
  }

  #query<Row extends object>(name: keyof Queries, values: unknown[]): Promise<readonly Row[]> {
    return this.#statement<Row>(name, this.#queries[name], values);
  }

  /** A read is sent again, once, if its connection was lost. */
  #retried<Row extends object>(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    return this.#statement<Row>(name, text, values).catch((error: unknown) => {
      if (!classifyPostgresError(error, name).isConnectionLost || this.end) throw error;
      return this.#statement<Row>(name, text, values);
    });
  }

  #statement<Row extends object>(name: string, text: string, values: unknown[]): Promise<readonly Row[]> {
    return this.#pool.query<Row>(name, text, values);
  }
}

function notDurable(): DacapoError {
  return new StorageLostError({
    message: "Postgres reports a commit before it is on the disk, because synchronous_commit is off",
    fix: "Set synchronous_commit to on for this database role. Otherwise a crash loses commits of devices.",
  });
}

function notUnicode(encoding: string): DacapoError {
  return new StorageLostError({
    message: `The database has the encoding ${encoding}, which cannot store each text`,
    fix: "Create another one by: create database dacapo encoding 'UTF8' template template0. Then move its contents.",
  });
}
