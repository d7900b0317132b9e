/** Records, outcomes and batches as a log writer makes them, with only the fields that a rule needs. */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { Append, EventStore, KeptOutcome, ReadLimit, StoredRecord } from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireThat } from "../require.ts";

export const ALL: ReadLimit = { events: 1_000_000, bytes: 1_000_000_000 };

/** The n-th commit id of a test, which is a UUID. */
export function commitId(n: number): string {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, "0")}`;
}

export type Sample = { readonly commit: number } & Partial<{
  readonly events: number;
  readonly actor: string;
  readonly mark: string;
  readonly text: string;
  readonly streams: StoredRecord["streams"];
}>;

/**
 * Records after a cursor, one for each sample. By default all events are of one stream, whose versions are the
 * positions.
 */
export function recordsAfter(after: Cursor | null, samples: readonly Sample[]): StoredRecord[] {
  let end = positionOf(after);
  return samples.map(({ commit, events = 1, actor = "ann", mark = `mark${commit}`, text, streams }) => {
    const position = end + 1;
    end += events;
    return {
      position,
      cursor: { position: end, mark },
      commit: commitId(commit),
      actor,
      streams: streams ?? [{ stream: "task/t1", first: position, last: end }],
      text: text ?? JSON.stringify({ position, commit: commitId(commit) }),
    };
  });
}

export function outcome(commit: number, facts: Partial<KeptOutcome> = {}): KeptOutcome {
  return {
    commit: commitId(commit),
    actor: "ann",
    received: 1_000,
    text: JSON.stringify({ id: commitId(commit), outcome: "empty" }),
    ...facts,
  };
}

/** An append that contains only the given facts. */
export function batch(expected: Cursor | null, facts: Partial<Append> = {}): Append {
  return { expected, records: [], outcomes: [], forgetOutcomesBefore: 0, outcomesPerActorMax: 10_000, ...facts };
}

/** Appends one record for each sample, in one batch, and returns the new head. */
export async function write(
  store: EventStore,
  log: string,
  expected: Cursor | null,
  ...samples: Sample[]
): Promise<Cursor> {
  const records = recordsAfter(expected, samples);
  requireEqual(await store.append(log, batch(expected, { records })), { kind: "ok" }, "an append on the log's head");
  const head = records.at(-1)?.cursor;
  requireThat(head !== undefined, "a sample to write");
  return head;
}

/** Reads everything after a cursor in one page. */
export async function readAll(
  store: EventStore,
  log: string,
  after: Cursor | null = null,
): Promise<readonly StoredRecord[]> {
  const result = await store.read(log, after, ALL);
  requireThat(result.kind === "page", `a page of ${log}, not ${result.kind}`);
  return result.records;
}

/** Checks the log's head and records, which must stay unchanged if nothing was written. It ignores kept outcomes. */
export async function requireRecords(store: EventStore, log: string, records: readonly StoredRecord[]): Promise<void> {
  requireEqual(await readAll(store, log), records, `the records of ${log}`);
  requireEqual(await store.head(log), { kind: "open", cursor: records.at(-1)?.cursor ?? null }, `the head of ${log}`);
}
