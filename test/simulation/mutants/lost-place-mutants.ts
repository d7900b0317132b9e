/** Planted faults of places that a restore of the log alone removed. */
import { positionOf } from "../../../src/core/history/record.ts";
import { type ServerMutant, writesAs } from "./server-mutant.ts";

const ALL = { events: 10_000, bytes: 10_000_000 };

export const lostPlaceMutants: readonly ServerMutant[] = [
  {
    name: "lost-place-continued",
    what: "a subscriber whose place a restore of the log removed continues from the same position",
    fault: {
      read: (store) => async (log, after, limit) => {
        const page = await store.read(log, after, limit);
        const all = page.kind === "diverged" ? await store.read(log, null, ALL) : page;
        if (page.kind !== "diverged" || all.kind !== "page") return page;
        return { ...all, records: all.records.filter(({ cursor }) => cursor.position > positionOf(after)) };
      },
    },
  },
  {
    name: "lost-place-not-noticed",
    what: "a look at a place that a restore of the log removed finds it, so that its waiting events are handled",
    fault: {
      read: (store) => async (log, after, limit) => {
        const page = await store.read(log, after, limit);
        const isLook = page.kind === "diverged" && limit.bytes === 1;
        return isLook ? { kind: "page", records: [], head: page.head } : page;
      },
    },
  },
  {
    name: "outbox-of-lost-history-kept",
    what: "a process manager that begins again executes the commands of a history that a restore removed",
    fault: writesAs((next, name) =>
      name.startsWith("process/") && next.tables["outbox"] === "new"
        ? { ...next, tables: { ...next.tables, outbox: "keep", due: "keep" } }
        : next,
    ),
  },
];
