// A store that also writes a row for each stream of an append, as for a model with rows by stream. No code folds or
// keeps anything, so a workload can measure the statements of a strong model alone.
import type { EventStore } from "dacapo/sync-server";

const FOLLOWER = "rows/alone";
const ROW = JSON.stringify({ title: "Task 1000: buy milk, bread and a newspaper", column: "doing", done: false });

/** The rows of one log in this store. */
export function withRowsAlone(store: EventStore): EventStore {
  const append = store.append.bind(store);
  let revision = 0;
  store.append = async (log, given) => {
    const at = given.records.at(-1)?.cursor ?? null;
    const next = { at, text: "{}", wake: null, tables: { rows: "keep" } } as const;
    const set = given.records.flatMap(({ streams }) => streams.map(({ stream }) => [stream, ROW] as const));
    const models = {
      followers: [{ name: FOLLOWER, revision, next }],
      rows: [{ follower: FOLLOWER, table: "rows", set, remove: [] }],
    };
    const result = await append(log, at === null ? given : { ...given, models });
    if (at !== null && result.kind === "ok") revision++;
    return result;
  };
  return store;
}
