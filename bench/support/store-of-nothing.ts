// A store that keeps nothing but the end of each log, so that a workload can measure a server without its storage. It
// breaks the rules of the port: no read finds anything.
import type { EventStore } from "dacapo/sync-server";

export function storeOfNothing(): EventStore {
  const ends = new Map<string, { readonly position: number; readonly mark: string }>();
  return {
    head: async (log) => {
      const cursor = ends.get(log);
      return cursor ? { kind: "open", cursor } : { kind: "absent" };
    },
    append: async (log, { records }) => {
      const last = records.at(-1);
      if (last) ends.set(log, last.cursor);
      return { kind: "ok" };
    },
    // Every cursor counts as one of the log.
    read: async (log) => ({ kind: "page", records: [], head: ends.get(log) ?? null }),
    readStream: async () => [],
    written: async () => new Set(),
    known: async () => new Map(),
    drop: async () => {},
    logs: async () => [],
    droppedLogs: async () => [],
    outcomes: async () => [],
    rename: async () => ({ kind: "absent" }),
    id: async () => "nothing",
    adoptId: async () => false,
    close: async () => {},
  };
}
