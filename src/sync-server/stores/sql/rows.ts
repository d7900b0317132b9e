/** Rows that every SQL store has, and their conversion to the values of the port. */
import { StorageLostError } from "../../../core/values/errors.ts";
import { parseOwnJson } from "../../../core/values/json.ts";
import type { KeptOutcome, KnownCommit, ReadLimit, StoredRecord } from "../event-store.ts";
import { RESTORE_FIX } from "../stored-record.ts";
import { type SizedRecord, takePage } from "../take-page.ts";

/** The columns of a record, under their names in the table. */
export type RecordValues = {
  readonly first: number;
  readonly last: number;
  readonly mark: string;
  readonly commit_id: string;
  readonly actor: string;
  readonly streams: string;
  readonly text: string;
};

/** A record, and the bytes of its text in UTF-8. */
export type RecordRow = RecordValues & { readonly bytes: number };

export type OutcomeRow = {
  readonly commit_id: string;
  readonly actor: string;
  readonly received: number;
  readonly text: string;
};

/** A record or an outcome under a commit's id. `last` and `mark` are of a record, `text` is of an outcome. */
export type KnownRow = {
  readonly commit_id: string;
  readonly actor: string;
  readonly last: number | null;
  readonly mark: string | null;
  readonly text: string | null;
};

/** `[["task/t1",1,2]]`: the stream, and the versions of its first and last event in the record. */
export function streamsText(streams: StoredRecord["streams"]): string {
  return JSON.stringify(streams.map(({ stream, first, last }) => [stream, first, last]));
}

/** The first of the rows, as a page (S6). Reads no row after the page. */
export function pageOf(rows: Iterable<RecordRow>, limit: ReadLimit): readonly StoredRecord[] {
  return takePage(sizedRecords(rows), limit);
}

export function knownOf(rows: readonly KnownRow[]): ReadonlyMap<string, KnownCommit> {
  const known = new Map<string, KnownCommit>();
  for (const { commit_id, actor, last, mark, text } of rows) {
    const { record, outcomes } = known.get(commit_id) ?? { record: null, outcomes: [] };
    known.set(
      commit_id,
      last !== null && mark !== null
        ? { record: { actor, at: { position: last, mark } }, outcomes }
        : { record, outcomes: [...outcomes, { actor, text: text ?? "" }] },
    );
  }
  return known;
}

export function outcomeOf({ commit_id, actor, received, text }: OutcomeRow): KeptOutcome {
  return { commit: commit_id, actor, received, text };
}

function* sizedRecords(rows: Iterable<RecordRow>): Generator<SizedRecord> {
  for (const { first, last, mark, commit_id, actor, streams, text, bytes } of rows) {
    const record: StoredRecord = {
      position: first,
      cursor: { position: last, mark },
      commit: commit_id,
      actor,
      streams: parseStreams(streams, last),
      text,
    };
    yield { record, bytes };
  }
}

/** Parses the text of `streamsText`. Only that function writes it, but a disk may have damaged it. */
function parseStreams(streams: string, last: number): StoredRecord["streams"] {
  try {
    const spans = parseOwnJson<[string, number, number][]>(streams);
    return spans.map(([stream, first, last]) => ({ stream, first, last }));
  } catch (cause) {
    throw new StorageLostError({
      message: `The stored record that ends at position ${last} is damaged`,
      fix: RESTORE_FIX,
      details: { position: last },
      cause,
    });
  }
}
