/** Queries on the SQL tables of a model, for the code of the server. */
import { encodeCursor } from "../../core/history/record.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import type { ValidationError } from "../../core/values/errors.ts";
import type { LogName } from "../../core/values/ids.ts";
import { invalid, requireCallOptions, shown } from "../base/check-arguments.ts";
import { sqlProblem } from "../read-models/check-sql.ts";
import { type AnySqlModel, isParam } from "../read-models/sql-model.ts";
import type { SqlParam, SqlRow } from "../stores/sql-tables.ts";
import { modelOf } from "./models.ts";
import { cursorOption, refusal, type RowsContext, type RowsOptions, waitOption } from "./rows.ts";

/** The options of a query. */
export type QueryOptions = Pick<RowsOptions, "at" | "waitMs"> & {
  /**
   * The most rows: 1 to 5,000.
   *
   * @default 500
   */
  readonly limit?: number;
};

const OPTIONS: OptionNames<QueryOptions> = { at: true, waitMs: true, limit: true };

/** The rows of a query, as of one cursor. */
export type QueryPage = {
  /** The rows in the order of the query. Each is an object of columns. */
  readonly rows: readonly SqlRow[];
  /** The cursor: the tables contain the log up to here. Null: the log has no record yet. */
  readonly at: string | null;
  /** True: the query has more rows than `limit`, or they are above 1 MiB. */
  readonly more: boolean;
  /** The number of events that the tables lack, because the model could not fold them. */
  readonly parked: number;
};

/** The tables of a SQL model by name, for the text of a query. */
export type TablesOf<M extends AnySqlModel> = M["sql"]["names"];

const LIMIT = { default: 500, max: 5_000, bytes: 1024 * 1024 } as const;
const WHAT = "The query cannot run";

export async function query<M extends AnySqlModel>(
  { models, reader }: RowsContext,
  log: LogName,
  handle: M,
  given: {
    readonly text: (t: TablesOf<M>) => string;
    readonly params: readonly SqlParam[];
    readonly options: QueryOptions;
  },
): Promise<QueryPage> {
  const model = modelOf(models, handle);
  if (!model.sql) throw notSqlModel(model.name);
  const { text, params, options } = given;
  const { limit = LIMIT.default } = requireCallOptions(WHAT, "query", options, OPTIONS);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > LIMIT.max)
    throw invalid(WHAT, `\`limit\` is not a whole number from 1 to ${LIMIT.max}`);
  if (!Array.isArray(params) || !params.every(isParam))
    throw invalid(WHAT, "the params are not a list of texts, numbers and nulls");
  const sql = queryText(text, handle.sql.names);
  const problem = sqlProblem(sql, "read");
  if (problem !== null) throw invalid(WHAT, problem);
  const read = await reader.query(log, model, {
    sql,
    params,
    limit: { rows: limit, bytes: LIMIT.bytes },
    at: cursorOption(options.at),
    waitMs: waitOption(options.waitMs),
  });
  if (read.kind !== "page") throw refusal(log, model, read.kind);
  const { rows, more, at, parked } = read;
  return { rows, more, at: at && encodeCursor(at), parked };
}

/** The text of a query. Throws if the function is none, or returns no text. */
export function queryText<Names>(text: (t: Names) => string, names: Names): string {
  if (typeof text !== "function") throw invalid(WHAT, `\`sql\` is ${shown(text)}, which is not a function`);
  const sql: unknown = text(names);
  if (typeof sql === "string") return sql;
  throw invalid(WHAT, `the function returned ${shown(sql)}, which is not a text`);
}

export function notSqlModel(name: string): ValidationError {
  return invalid(WHAT, `${name} is not a SQL model`);
}
