/** The parameters of `dacapo_append_1`. */
import type { Append } from "../event-store.ts";
import { streamsText } from "../sqlite/rows.ts";

/** The records, streams and outcomes of an append as three JSON texts. */
export function parametersOf({ records, outcomes }: Append): readonly [string, string, string] {
  return [
    JSON.stringify(
      records.map(({ position, cursor, commit, actor, streams, text }) => ({
        first: position,
        last: cursor.position,
        mark: cursor.mark,
        commit_id: commit,
        actor,
        streams: streamsText(streams),
        text,
      })),
    ),
    JSON.stringify(
      records.flatMap(({ cursor, streams }) =>
        streams.map(({ stream, last }) => ({ stream, version: last, record: cursor.position })),
      ),
    ),
    JSON.stringify(outcomes.map(({ commit, actor, received, text }) => ({ commit_id: commit, actor, received, text }))),
  ];
}
