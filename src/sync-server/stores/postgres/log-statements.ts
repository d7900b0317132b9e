/**
 * The statements by which a batch of one log is decided and written, on the pool or on the connection of a turn.
 *
 * Guarantees: each call is one statement, so it sees one snapshot (S5). An append is one call of a function.
 */
import { type Cursor, positionOf } from "../../../core/history/record.ts";
import { parseOwnJson } from "../../../core/values/json.ts";
import type { AppendResult, ReadLimit, StoredRecord } from "../event-store.ts";
import type { ModelStore } from "../model-store.ts";
import type { FoundLog } from "../refuse-append.ts";
import type { AppendPlan } from "../sql/plan-append.ts";
import { type KnownRow, pageOf } from "../sql/rows.ts";
import type { Call, FoundPage, LogTables } from "../sql/tables.ts";
import type { ModelQueries } from "./model-queries.ts";
import { functionResult, modelParameters, PostgresModels } from "./models.ts";
import type { Statement, Statements } from "./pool.ts";
import { changesSqlTables, writeSqlTables } from "./sql-write.ts";
import { cursorOfColumns, type HeadRow, type PageRow, type Queries } from "./queries.ts";

export type LogStatementsOptions = {
  readonly queries: Queries;
  readonly modelQueries: ModelQueries;
  readonly read: Statement;
  readonly write: Statement;
  /** The schema's name in quotes. */
  readonly schema: string;
  /** Runs several statements, all or none. */
  readonly transaction: <Result>(work: (sql: Statements) => Promise<Result>) => Promise<Result>;
};

export class LogStatements implements LogTables {
  readonly #options: LogStatementsOptions;

  constructor(options: LogStatementsOptions) {
    this.#options = options;
  }

  async head(log: string): Promise<FoundLog | undefined> {
    const [row] = await this.#read<HeadRow>("head", [log]);
    return row && foundLog(row);
  }

  async append(log: string, plan: AppendPlan): Promise<AppendResult> {
    const { queries, modelQueries, write, schema, transaction } = this.#options;
    const { expected, records, streams, outcomes, forgetOutcomesBefore, outcomesPerActorMax, models } = plan;
    const values = [
      log,
      expected?.position ?? null,
      expected?.mark ?? null,
      ...[records, streams(), outcomes].map((rows) => JSON.stringify(rows)),
      forgetOutcomesBefore,
      outcomesPerActorMax,
    ];
    type Result = { readonly result: string };
    if (!models)
      return parseOwnJson<AppendResult>(functionResult(await write<Result>("append", queries.append, values), log));
    const { appendWithModels } = modelQueries;
    const all = [...values, ...modelParameters(models)];
    if (changesSqlTables(models))
      return transaction((sql) =>
        writeSqlTables<AppendResult>(sql, schema, { log, models, findsAll: false }, async () =>
          functionResult(await sql.rows<Result>(appendWithModels, all), log),
        ),
      );
    return parseOwnJson<AppendResult>(
      functionResult(await write<Result>("appendWithModels", appendWithModels, all), log),
    );
  }

  async page(log: string, after: Cursor | null, limit: ReadLimit): Promise<FoundPage | undefined> {
    const rows = await this.#read<PageRow>("page", [log, positionOf(after), limit.events, limit.bytes]);
    const [row] = rows;
    if (!row) return undefined;
    const isHere = after === null || row.at_mark === after.mark;
    return { ...foundLog(row), isHere, records: isHere ? recordsOf(rows, limit) : [] };
  }

  async stream(log: string, stream: string, after: number, limit: ReadLimit): Promise<readonly StoredRecord[]> {
    return recordsOf(await this.#read<PageRow>("stream", [log, after, limit.events, limit.bytes, stream]), limit);
  }

  async written(log: string, streams: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#read<{ stream: string }>("written", [log, JSON.stringify(streams)]);
    return rows.map(({ stream }) => stream);
  }

  known(log: string, commits: readonly string[]): Promise<readonly KnownRow[]> {
    return this.#read<KnownRow>("known", [log, JSON.stringify(commits)]);
  }

  models(call: Call): ModelStore {
    const { modelQueries, read, write, schema, transaction } = this.#options;
    return new PostgresModels(schema, modelQueries, {
      transaction: (name, work) => call(name, () => transaction(work)),
      read: (name, text, values) => call(name, () => read(name, text, values)),
      write: (name, text, values) => call(name, () => write(name, text, values)),
    });
  }

  #read<Row extends object>(name: keyof Queries, values: unknown[]): Promise<readonly Row[]> {
    return this.#options.read<Row>(name, this.#options.queries[name], values);
  }
}

function foundLog({ state, position, mark }: HeadRow): FoundLog {
  return { isOpen: state === "open", head: cursorOfColumns({ position, mark }) };
}

function recordsOf(rows: readonly PageRow[], limit: ReadLimit): readonly StoredRecord[] {
  const records = rows.flatMap((row) =>
    row.first === null ? [] : [{ ...row, first: row.first, mark: row.record_mark }],
  );
  return pageOf(records, limit);
}
