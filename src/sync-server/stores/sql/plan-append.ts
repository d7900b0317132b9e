/** Plans an append for every SQL store: the rows that it writes. Pure. */
import { checkAppend } from "../check-append.ts";
import type { Append } from "../event-store.ts";
import type { CheckedAppend } from "../refuse-append.ts";
import { type OutcomeRow, type RecordValues, streamsText } from "./rows.ts";

/** An append as rows. The names of the fields are the names of the columns, also in JSON parameters. */
export type AppendPlan = CheckedAppend &
  Pick<Append, "forgetOutcomesBefore" | "outcomesPerActorMax"> & {
    readonly records: readonly RecordValues[];
    /** Returns the row of each stream of each record. `version` is the record's last event there, `record` its end. */
    readonly streams: () => readonly { readonly stream: string; readonly version: number; readonly record: number }[];
    readonly outcomes: readonly OutcomeRow[];
    /** About the bytes of the append: its texts in UTF-16 units. */
    readonly bytes: number;
  };

/** Throws a BugError if the batch is wrong for every store (`checkAppend`). */
export function planAppend(append: Append): AppendPlan {
  checkAppend(append);
  const { records, outcomes, ...facts } = append;
  return {
    ...facts,
    ends: records.map(({ cursor }) => cursor),
    isEmpty: records.length + outcomes.length === 0,
    records: records.map(({ position, cursor, commit, actor, streams, text }) => ({
      last: cursor.position,
      first: position,
      mark: cursor.mark,
      commit_id: commit,
      actor,
      streams: streamsText(streams),
      text,
    })),
    streams: () =>
      records.flatMap(({ cursor, streams }) =>
        streams.map(({ stream, last }) => ({ stream, version: last, record: cursor.position })),
      ),
    outcomes: outcomes.map(({ commit, actor, received, text }) => ({ commit_id: commit, actor, received, text })),
    bytes: [...records, ...outcomes].reduce((sum, { text }) => sum + text.length, 0),
  };
}
