/**
 * Rows of the tables, and the records that they stand for.
 *
 * Place: between the statements of `sql-event-store` and the values of the port.
 */
import { StorageLostError } from "../../core/values/errors.ts";
import type { Cursor } from "../../core/history/record.ts";
import type { StoredRecord } from "./event-store.ts";
import type { SizedRecord } from "./take-page.ts";

export type LogRow = {
  readonly id: number;
  readonly position: number;
  readonly mark: string | null;
  /** `dropping` is gone for everyone; only its rows are not all deleted. */
  readonly state: "open" | "dropping" | "gone";
};

export type RecordRow = {
  readonly first: number;
  readonly last: number;
  readonly mark: string;
  readonly commit_id: string;
  readonly actor: string;
  readonly streams: string;
  readonly text: string;
  readonly bytes: number;
};

/** Columns of a RecordRow, of `dacapo_records` under the name `r`. */
export const RECORD = "r.first, r.last, r.mark, r.commit_id, r.actor, r.streams, r.text, octet_length(r.text) as bytes";

export function headOf({ position, mark }: LogRow): Cursor | null {
  return mark === null ? null : { position, mark };
}

/** `[["task/t1",1,2]]`: stream, version of its first and of its last event there. */
export function streamsText(streams: StoredRecord["streams"]): string {
  return JSON.stringify(streams.map(({ stream, first, last }) => [stream, first, last]));
}

export function* sized(rows: Iterable<RecordRow>): Generator<SizedRecord> {
  for (const { first, last, mark, commit_id, actor, streams, text, bytes } of rows) {
    const record: StoredRecord = {
      position: first,
      cursor: { position: last, mark },
      commit: commit_id,
      actor,
      streams: placesIn(streams, last),
      text,
    };
    yield { record, bytes };
  }
}

/** What `streamsText` wrote, and nobody else writes there; a disk may have damaged it. */
function placesIn(streams: string, last: number): StoredRecord["streams"] {
  try {
    const places = JSON.parse(streams) as [string, number, number][];
    return places.map(([stream, from, to]) => ({ stream, first: from, last: to }));
  } catch (cause) {
    const fix =
      "Stop the server, keep the damaged file, and restore a backup: devices send again what the backup lacks.";
    throw new StorageLostError({
      message: `The stored record that ends at position ${last} is damaged`,
      fix,
      details: { position: last },
      cause,
    });
  }
}
