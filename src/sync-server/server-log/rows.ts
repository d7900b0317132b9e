/** Reads rows of a model for the code of the server. */
import type { AnyProjection, RowOf } from "../../core/domain/handle-types.ts";
import { type Cursor, decodeCursor, encodeCursor } from "../../core/history/record.ts";
import { DacapoError } from "../../core/values/errors.ts";
import type { OptionNames } from "../../core/values/known-options.ts";
import { parseOwnJson } from "../../core/values/json.ts";
import type { LogName } from "../../core/values/ids.ts";
import { invalid, requireCallOptions, shown } from "../base/check-arguments.ts";
import type { ServerLimits } from "../base/limits.ts";
import type { ReadModel } from "../read-models/read-model.ts";
import type { ReadRows, RowsRefusal } from "../read-models/read-rows.ts";
import { ROW_SELECTION, rowRange, type RowSelection } from "../read-models/row-range.ts";
import { gone } from "../base/gone.ts";
import { building, diverged, noRows, notPopulated } from "./log-errors.ts";
import { modelOf } from "./models.ts";

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
  /**
   * `allow`: while the rows are being built, the page has the rows of another version of the model, if they are ready.
   * `identity` names it. A row may then have another form than the types of this code.
   *
   * @default "refuse"
   */
  readonly older?: "allow" | "refuse";
};

const OPTIONS: OptionNames<RowsOptions> = { ...ROW_SELECTION, at: true, waitMs: true, older: true };

/** A page of rows, as of one cursor. */
export type RowsPage<Row> = {
  /** The rows in the order of the UTF-8 bytes of their keys. */
  readonly rows: readonly { readonly key: string; readonly row: Row }[];
  /** The cursor: the rows contain the log up to here. Null: the log has no record yet. */
  readonly at: string | null;
  /** The key for `after` of the next page, also of rows by `keys`. Null: no more rows. */
  readonly next: string | null;
  /** The name and version of the model, with the versions of its aggregates, such as `board@2<task@1`. */
  readonly identity: string;
  /** The number of events that the rows lack, because the model could not fold them. */
  readonly parked: number;
};

export type RowsContext = ReadRows & {
  /** A page of rows has at most the bytes of a frame. */
  readonly limits: Pick<ServerLimits, "frameBytesMax">;
};

/** The longest wait of a reader, and the wait of a reader that names none. */
const WAIT_MS = { default: 5_000, max: 30_000 } as const;

const WHAT = "The rows cannot be read";

export async function readRows<P extends AnyProjection>(
  { models, reader, limits }: RowsContext,
  log: LogName,
  handle: P | string,
  options: RowsOptions,
): Promise<RowsPage<RowOf<P>>> {
  const model = modelOf(models, handle);
  const { at, waitMs, older = "refuse", ...selection } = requireCallOptions(WHAT, "rows", options, OPTIONS);
  if (model.sql) throw noRows(WHAT, model, "call query()");
  const range = rowRange(selection, limits.frameBytesMax);
  if (typeof range === "string") throw invalid(WHAT, range);
  if (older !== "allow" && older !== "refuse")
    throw invalid(WHAT, `\`older\` is ${shown(older)}, which is not "allow" or "refuse"`);
  const fresh = { at: cursorOption(at), waitMs: waitOption(waitMs) };
  const read = await reader.read(log, model, { range, ...fresh, mayBeOlder: older === "allow" });
  if (read.kind !== "page") throw refusal(log, model, read.kind);
  return {
    rows: read.rows.map(({ key, text }) => ({ key, row: parseOwnJson<RowOf<P>>(text) })),
    at: read.at && encodeCursor(read.at),
    next: read.next,
    identity: read.identity,
    parked: read.parked,
  };
}

/** The milliseconds of the option `waitMs`. */
export function waitOption(waitMs: number = WAIT_MS.default): number {
  if (Number.isFinite(waitMs) && waitMs >= 0 && waitMs <= WAIT_MS.max) return waitMs;
  throw invalid(WHAT, `waitMs is ${shown(waitMs)}, which is not a number from 0 to ${WAIT_MS.max}`);
}

/** The cursor of the option `at`. */
export function cursorOption(text: string | null = null): Cursor | null {
  if (text === null) return null;
  const cursor = typeof text === "string" ? decodeCursor(text) : null;
  if (!cursor) throw invalid(WHAT, `\`at\` is ${shown(text)}, which is not a cursor`);
  return cursor;
}

export function refusal(log: LogName, { name }: ReadModel, kind: RowsRefusal["kind"]): DacapoError {
  const details = { log, model: name };
  switch (kind) {
    case "gone":
      return gone(log);
    case "diverged":
      return diverged(log, "at");
    case "rows-behind":
      return new DacapoError("rows-behind", "later", {
        message: `The rows of ${name} have not reached the cursor \`at\` of the log ${log} yet`,
        fix: "Read again later, or pass a longer waitMs.",
        details,
      });
    case "rows-building":
      return building(log, name);
    case "rows-not-populated":
      return notPopulated(log, name);
    case "overloaded":
      return new DacapoError("overloaded", "later", {
        message: "Too many readers wait for rows",
        fix: "Read again later.",
        details,
      });
  }
}
