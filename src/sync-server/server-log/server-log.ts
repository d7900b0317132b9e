/** One log for the code of the server: its rows. */
import { DacapoError, DefinitionError, ValidationError } from "../../core/values/errors.ts";
import type { AnyProjection, RowOf } from "../../core/domain/handle-types.ts";
import { type Cursor, decodeCursor, encodeCursor } from "../../core/history/record.ts";
import { LOG_NAME } from "../../core/history/limits.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { LogName } from "../../core/values/ids.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { ReadRows, RowsRead } from "../read-models/read-rows.ts";
import { rowRange, type RowSelection } from "../read-models/row-range.ts";

/** The rows to read, and how fresh they must be. */
export type RowsOptions = RowSelection & {
  /**
   * The cursor that the rows must contain, such as `at` of an earlier page. It must be of this log.
   *
   * @default any cursor
   */
  readonly at?: string | null;
  /**
   * Milliseconds to wait until the rows are there and contain `at`: up to 30,000.
   *
   * @default 5_000
   */
  readonly waitMs?: number;
};

/** A page of rows, as of one cursor. */
export type RowsPage<Row> = {
  /** The rows in the order of the UTF-8 bytes of their keys. */
  readonly rows: readonly { readonly key: string; readonly row: Row }[];
  /** The cursor: the rows contain the log up to here. Null: the log has no record yet. */
  readonly at: string | null;
  /** The key for `after` of the next page. Null: no more rows. */
  readonly next: string | null;
  /** The name and version of the model, with the versions of its aggregates, such as `board@2<task@1`. */
  readonly identity: string;
  /** The number of events that the rows lack, because the model could not fold them. */
  readonly parked: number;
};

/** A log for the code of the server. */
export type ServerLog = {
  /** The log's name. */
  readonly name: string;
  /**
   * Returns rows of a model of the server. A page is of one cursor, and two pages may be of two cursors.
   *
   * @example
   * const { rows, at } = await server.log("team-7").rows(board, { prefix: "task/" });
   *
   * @throws DefinitionError (`definition`) if the server does not have this model.
   * @throws ValidationError (`invalid`) if an option is not valid.
   * @throws DacapoError (`diverged`) if the log does not contain `at`.
   * @throws DacapoError (`rows-behind`) if the rows did not reach `at` in time.
   * @throws DacapoError (`rows-building`) if the rows were not there in time.
   * @throws DacapoError (`gone`) if the log was deleted.
   * @throws StorageFullError (`storage-full`), StorageLostError (`storage-lost`) if the store fails.
   */
  readonly rows: <P extends AnyProjection>(model: P, options?: RowsOptions) => Promise<RowsPage<RowOf<P>>>;
};

export type ServerLogContext = ReadRows & {
  /** Bytes of one page of rows. */
  readonly pageBytesMax: number;
};

/** The longest wait of a reader, and the wait of a reader that names none. */
export const WAIT_MS = { default: 5_000, max: 30_000 } as const;

export function serverLog(context: ServerLogContext, log: LogName): ServerLog {
  if (!LOG_NAME.test(log)) throw invalid(`${JSON.stringify(log)} is not a valid name of a log`);
  return {
    name: log,
    rows: (model, options = {}) => readRows(context, log, model, options),
  };
}

async function readRows<P extends AnyProjection>(
  { models, reader, pageBytesMax }: ServerLogContext,
  log: LogName,
  handle: P,
  { at = null, waitMs = WAIT_MS.default, ...selection }: RowsOptions,
): Promise<RowsPage<RowOf<P>>> {
  const model = models.get(handle.name);
  if (model?.projection !== handle.definition)
    throw new DefinitionError({
      message: `The server has no model ${handle.name} with this definition`,
      fix: `Add it to the option \`models\` of the server: models: [${handle.name}, …].`,
    });
  const range = rowRange(selection, pageBytesMax);
  if (typeof range === "string") throw invalid(range);
  if (!Number.isFinite(waitMs) || waitMs < 0 || waitMs > WAIT_MS.max)
    throw invalid(`waitMs is ${waitMs}, which is not a number from 0 to ${WAIT_MS.max}`);
  const read = await reader.read(log, model, { range, at: at === null ? null : cursorOf(at), waitMs });
  if (read.kind !== "page") throw refusal(log, model, read.kind);
  return {
    rows: read.rows.map(({ key, text }) => ({ key, row: parseOwnJson<RowOf<P>>(text) })),
    at: read.at && encodeCursor(read.at),
    next: read.next,
    identity: model.identity,
    parked: read.parked,
  };
}

function cursorOf(text: string): Cursor {
  const cursor = decodeCursor(text);
  if (!cursor) throw invalid(`\`at\` is ${JSON.stringify(text)}, which is not a cursor`);
  return cursor;
}

function invalid(reason: string): ValidationError {
  return new ValidationError({
    message: `The rows cannot be read: ${reason}`,
    fix: "Fix the option.",
    details: { reason },
  });
}

function refusal(log: LogName, { name }: ReadModel, kind: Exclude<RowsRead["kind"], "page">): DacapoError {
  const details = { log, model: name };
  switch (kind) {
    case "gone":
      return new DacapoError("gone", "never", {
        message: `The log ${log} was deleted`,
        fix: "Use another log.",
        details,
      });
    case "diverged":
      return new DacapoError("diverged", "after-fix", {
        message: `The log ${log} does not contain the cursor \`at\``,
        fix: "Pass a cursor of this log, or leave out `at`.",
        details,
      });
    case "rows-behind":
      return new DacapoError("rows-behind", "later", {
        message: `The rows of ${name} have not reached the cursor \`at\` of the log ${log} yet`,
        fix: "Read again later, or pass a longer waitMs.",
        details,
      });
    case "rows-building":
      return new DacapoError("rows-building", "later", {
        message: `The rows of ${name} in the log ${log} are being built`,
        fix: "Read again later, or pass a longer waitMs.",
        details,
      });
    case "overloaded":
      return new DacapoError("overloaded", "later", {
        message: "Too many readers wait for rows",
        fix: "Read again later.",
        details,
      });
  }
}
