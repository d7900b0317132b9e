// Fills a log of the demo board in a SQLite file without the server, because this is fast.
import { sqlite } from "dacapo/sqlite";

const BATCH = 2_000;
const COLUMNS = ["todo", "doing", "done"];

/** Eight of ten cards are in the first column. */
export async function fillBoard(file: string, log: string, cards: number): Promise<void> {
  const store = sqlite(file);
  const client = crypto.randomUUID();
  const events = [
    ...COLUMNS.map((id, n) => ({
      type: "ColumnAdded",
      stream: `board-column/${id}`,
      data: { name: id, order: String(n + 1) },
    })),
    ...Array.from({ length: cards }, (_, n) => ({
      type: "CardAdded",
      stream: `card/c${n + 1}`,
      data: {
        title: `Card ${n + 1} of a large board`,
        column: COLUMNS[Math.max(0, (n % 10) - 7)] ?? "todo",
        order: `${String(n + 1).padStart(8, "0")}V`,
      },
    })),
  ];
  let expected: { readonly position: number; readonly mark: string } | null = null;
  for (let from = 0; from < events.length; from += BATCH) {
    const records = events.slice(from, from + BATCH).map((event, n) => recordOf(client, from + n + 1, event));
    const appended = await store.append(log, {
      expected,
      records,
      outcomes: [],
      forgetOutcomesBefore: 0,
      outcomesPerActorMax: 1,
    });
    if (appended.kind !== "ok") throw new Error(`The board could not be filled: ${appended.kind}`);
    expected = records.at(-1)?.cursor ?? null;
  }
  await store.close();
}

function recordOf(
  client: string,
  position: number,
  { type, stream, data }: { readonly type: string; readonly stream: string; readonly data: unknown },
) {
  const commit = crypto.randomUUID();
  const mark = commit.replaceAll("-", "").slice(0, 16);
  const now = Date.now();
  const text = JSON.stringify({
    position,
    mark,
    commit,
    client,
    actor: "filler",
    time: now,
    received: now,
    meta: null,
    events: [{ type, v: 1, stream, version: 1, data }],
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
