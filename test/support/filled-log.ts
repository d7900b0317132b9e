/** A log with many tasks that a test appends at once, and rows that show whether a rebuild replaced them. */
import type { CommitRecord } from "../../src/core/history/record.ts";
import type { EventStore } from "../../src/sync-server/stores/event-store.ts";
import { storedRecord } from "../../src/sync-server/stores/stored-record.ts";
import { batch } from "../../src/testing/event-store/samples.ts";

export const COUNTS = "rows/column-counts@1<task@1";
export const BOARD = "rows/board@1<task@1";
/** The row that no event makes. Readers see it until the rows are replaced. */
export const OLD = { key: "old", tasks: 1_000_000 };

export function taskAdded(position: number, column = "todo"): CommitRecord {
  return {
    position,
    mark: `m${position}`,
    commit: crypto.randomUUID(),
    client: crypto.randomUUID(),
    actor: "ada",
    time: 1,
    received: 1,
    meta: null,
    events: [{ type: "TaskAdded", v: 1, stream: `task/t${position}`, version: 1, data: { title: "Milk", column } }],
  };
}

/** Appends a log `board` with tasks in three columns. */
export async function fillBoard(store: EventStore, events: number): Promise<void> {
  const records = Array.from({ length: events }, (_, n) => storedRecord(taskAdded(n + 1, `column${n % 3}`)));
  await store.append("board", batch(null, { records }));
}

/** Damages the rows of the counts, so that their sum shows which rows a reader got. */
export async function addOldRow(store: EventStore, log = "board"): Promise<void> {
  const { models } = store;
  if (!models) throw new Error("The store keeps no models");
  for (;;) {
    const found = await models.followers(log);
    const follower = found.kind === "open" && found.followers.find(({ name }) => name === COUNTS);
    if (!follower) throw new Error("The log has no counts yet");
    const { name, revision, at, wake, text } = follower;
    const next = { at, wake, text, tables: { rows: "keep", states: "keep" } } as const;
    const set = [[OLD.key, JSON.stringify({ tasks: OLD.tasks })]] as const;
    const rows = [{ follower: COUNTS, table: "rows", set, remove: [] }];
    const { kind } = await models.write(log, { followers: [{ name, revision, next }], rows });
    if (kind === "ok") return;
  }
}
