// Appends events to a log of a SQLite file without the server, because this is fast.
import { sqlite } from "dacapo/sqlite";

const BATCH = 2_000;

/** An event. Its version is that in its stream, and 1 if it is left out. */
export type AppendedEvent = {
  readonly type: string;
  readonly stream: string;
  readonly version?: number;
  readonly data: unknown;
};

/** Fills an empty log with one commit for each event. */
export async function appendEvents(
  file: string,
  log: string,
  count: number,
  eventAt: (position: number, client: string) => AppendedEvent,
): Promise<void> {
  const store = sqlite(file);
  const client = crypto.randomUUID();
  let expected: { readonly position: number; readonly mark: string } | null = null;
  for (let from = 1; from <= count; from += BATCH) {
    const records = Array.from({ length: Math.min(BATCH, count - from + 1) }, (_, index) =>
      recordOf(client, from + index, eventAt(from + index, client)),
    );
    const appended = await store.append(log, {
      expected,
      records,
      outcomes: [],
      forgetOutcomesBefore: 0,
      outcomesPerActorMax: 1,
    });
    if (appended.kind !== "ok") throw new Error(`The log ${log} could not be filled: the append is ${appended.kind}`);
    expected = records.at(-1)?.cursor ?? null;
  }
  await store.close();
}

function recordOf(client: string, position: number, { type, stream, version = 1, data }: AppendedEvent) {
  const commit = crypto.randomUUID();
  const mark = commit.replaceAll("-", "").slice(0, 16);
  const now = Date.now();
  const events = [{ type, v: 1, stream, version, data }];
  const author = { client, actor: "filler", time: now, received: now, meta: null };
  return {
    position,
    cursor: { position, mark },
    commit,
    actor: author.actor,
    streams: [{ stream, first: version, last: version }],
    text: JSON.stringify({ position, mark, commit, ...author, events }),
  };
}
