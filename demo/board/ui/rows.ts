/** Types of the board's rows. */
import type { RowOf } from "dacapo";
import type { TypedRowEntry } from "dacapo/client";
import type { cards, columns } from "../domain/read-models.ts";

export type CardEntry = TypedRowEntry<RowOf<typeof cards>>;
export type ColumnEntry = TypedRowEntry<RowOf<typeof columns>>;

/** The id in a stream's name: a row's key is its stream. */
export function idOf(stream: string): string {
  return stream.slice(stream.indexOf("/") + 1);
}
