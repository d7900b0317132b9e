// Fills a log in a SQLite file without the server, because this is fast enough for a workload that reads.
import { sqlite } from "dacapo/sqlite";
import { addTask } from "./domain.ts";

const BATCH = 2_000;

/** One event a commit, one commit a stream. */
export async function fillLog(file: string, log: string, events: number): Promise<void> {
  const store = sqlite(file);
  const client = crypto.randomUUID();
  let expected: { readonly position: number; readonly mark: string } | null = null;
  for (let from = 1; from <= events; from += BATCH) {
    const records = Array.from({ length: Math.min(BATCH, events - from + 1) }, (_, index) =>
      recordAt(client, from + index),
    );
    const appended = await store.append(log, {
      expected,
      records,
      outcomes: [],
      forgetOutcomesBefore: 0,
      outcomesPerActorMax: 1,
    });
    if (appended.kind !== "ok")
      throw new Error(`The log could not be filled, because the append returned ${appended.kind}`);
    expected = records.at(-1)?.cursor ?? null;
  }
  await store.close();
}

function recordAt(client: string, position: number) {
  const { stream, input } = addTask(`${client.slice(0, 8)}-${position}`, position);
  const commit = crypto.randomUUID();
  const mark = commit.replaceAll("-", "").slice(0, 16);
  const now = Date.now();
  const events = [{ type: "TaskAdded", v: 1, stream, version: 1, data: input }];
  const text = JSON.stringify({
    position,
    mark,
    commit,
    client,
    actor: "filler",
    time: now,
    received: now,
    meta: null,
    events,
  });
  return {
    position,
    cursor: { position, mark },
    commit,
    actor: "filler",
    streams: [{ stream, first: 1, last: 1 }],
    text,
  };
}
