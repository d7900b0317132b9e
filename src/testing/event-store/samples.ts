/** Records, outcomes and batches as a log writer makes them, with nothing in them that a rule does not ask for. */
import { type Cursor, positionOf } from "../../core/history/record.ts";
import type { Append, EventStore, KeptOutcome, ReadLimit, StoredRecord } from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireThat } from "../require.ts";

export const ALL: ReadLimit = { events: 1_000_000, bytes: 1_000_000_000 };

/** The n-th commit id of a test: a UUID, like any. */
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

/** Records behind a cursor, one for each sample. Where none is named, all events are of one stream, whose versions are the positions. */
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

/** An append with nothing in it but what is given. */
export function batch(expected: Cursor | null, facts: Partial<Append> = {}): Append {
  return { expected, records: [], outcomes: [], forgetOutcomesBefore: 0, outcomesPerActorMax: 10_000, ...facts };
}

/** Appends one record for each sample, in one batch, and gives the new head. */
export async function write(
  store: EventStore,
  log: string,
  expected: Cursor | null,
  ...samples: Sample[]
): Promise<Cursor> {
  const records = recordsAfter(expected, samples);
  requireEqual(
    await store.append(log, batch(expected, { records })),
    { kind: "ok" },
    "an append on the log's head is taken",
  );
  const head = records.at(-1)?.cursor;
  requireThat(head !== undefined, "a sample to write");
  return head;
}

/** Everything behind a cursor, in one page. */
export async function readAll(
  store: EventStore,
  log: string,
  after: Cursor | null = null,
): Promise<readonly StoredRecord[]> {
  const result = await store.read(log, after, ALL);
  requireThat(result.kind === "page", `a page of ${log}, not ${result.kind}`);
  return result.records;
}

/** The log's head and records, kept outcomes aside: what must not change where nothing may be written. */
export async function requireLog(store: EventStore, log: string, records: readonly StoredRecord[]): Promise<void> {
  requireEqual(await readAll(store, log), records, `the records of ${log}`);
  requireEqual(await store.head(log), { kind: "open", cursor: records.at(-1)?.cursor ?? null }, `the head of ${log}`);
}
