/** The types of rows at a position of the log, and of a rebuild of rows. */
import type { Json } from "../../core/values/json.ts";
import type { HistoryEntry } from "./log-types.ts";

/**
 * The rows of a projection at a position of the log, in the order of their keys, and the event at that position.
 *
 * `event` is null at position 0, and for a stored event that this release reads as no event. If this release reads a
 * stored event as several events, it is the last of them.
 *
 * @example
 * const { rows, event }: RowsAt<RowOf<typeof board>> = await log.rowsAt(board, { position: 1 });
 * console.log(event?.type, rows.map(({ key, row }) => `${key}: ${row.title}`));
 */
export type RowsAt<Row = Json> = {
  readonly rows: readonly { readonly key: string; readonly row: Row }[];
  readonly event: HistoryEntry | null;
};

/**
 * The progress of `log.rebuild`, in events: `done` of them are folded. `of` rises with a log that grows meanwhile.
 *
 * @example
 * const percent = ({ done, of }: RebuildProgress) => (of === 0 ? 100 : Math.floor((100 * done) / of));
 */
export type RebuildProgress = { readonly done: number; readonly of: number };
