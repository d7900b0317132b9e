/** Planted faults of simulated servers, each in the store of all nodes. */
import type { FollowerNext, ModelStore, ModelWrite, RowChange } from "../../../src/sync-server/stores/model-store.ts";
import { parseOwnJson } from "../../support/own-json.ts";
import { FLOW, LOG, MAILER } from "../../support/simulation/servers/names.ts";
import { lostPlaceMutants } from "./lost-place-mutants.ts";
import { changed, type ServerMutant, writesAs } from "./server-mutant.ts";

function withTexts(rows: readonly RowChange[], follower: string, change: (text: string) => string): RowChange[] {
  return rows.map((one) =>
    one.follower.startsWith(follower)
      ? { ...one, set: one.set.map(([key, text]) => [key, text === null ? null : change(text)] as const) }
      : one,
  );
}

const isSwap = ({ tables }: FollowerNext): boolean => Object.values(tables).some((one) => typeof one === "object");

type OutboxItem = { readonly timer: string | null };

function timersReversed(text: string): string {
  const items = parseOwnJson<readonly OutboxItem[]>(text);
  const sends = items.filter(({ timer }) => timer === null);
  return JSON.stringify([...sends, ...items.filter(({ timer }) => timer !== null).reverse()]);
}

type Snapshot = { readonly fold: string; readonly state: { readonly total: number } };
type Event = { readonly stream: string; readonly data: { readonly by?: number; readonly fold?: number } };
type BaseEntry = readonly [table: string, bucket: number, text: string];

/** Changes the snapshots of each append. `last`: what the last event of the stream added. */
function snapshotsAs(change: (snapshot: Snapshot, last: number) => Snapshot): ServerMutant["fault"] {
  return {
    append: (store) => (log, append) => {
      const { models, records } = append;
      const events = records.flatMap(({ text }) => parseOwnJson<{ readonly events: readonly Event[] }>(text).events);
      const changed = (stream: string, text: string): string => {
        const { by = 0, fold = 1 } = events.findLast((event) => event.stream === stream)?.data ?? {};
        return JSON.stringify(change(parseOwnJson<Snapshot>(text), by * fold));
      };
      const rows = models?.rows.map((one) =>
        one.follower === "snapshots"
          ? { ...one, set: one.set.map(([key, text]) => [key, text && changed(key, text)] as const) }
          : one,
      );
      return store.append(log, { ...append, ...(models && rows && { models: { ...models, rows } }) });
    },
  };
}

/** Names the revisions that are there now for some followers. */
async function unfenced(store: ModelStore, write: ModelWrite, isIt: (name: string) => boolean): Promise<ModelWrite> {
  const found = await store.followers(LOG);
  const now = new Map(found.kind === "open" ? found.followers.map(({ name, revision }) => [name, revision]) : []);
  const followers = write.followers.map((one) => (isIt(one.name) ? { ...one, revision: now.get(one.name) ?? 0 } : one));
  return { ...write, followers };
}

export const serverStoreMutants: readonly ServerMutant[] = [
  {
    name: "cursor-inside-record",
    what: "the cursor of a follower is before the last event of a record",
    fault: writesAs((next) => ({ ...next, at: next.at && { ...next.at, position: next.at.position - 1 } })),
  },
  {
    name: "absent-strong-not-named",
    what: "an append does not name a strong model whose rows were not ready",
    fault: {
      append: (store) => (log, append) => {
        const { models } = append;
        const followers = models?.followers.filter(({ next }) => next !== "check");
        return store.append(log, { ...append, ...(models && followers && { models: { ...models, followers } }) });
      },
    },
  },
  {
    name: "retry-moves-checkpoint",
    what: "a retry that succeeds moves the checkpoint of its subscriber to the head",
    fault: {
      models: (store) => ({
        write: async (log, write) => {
          const isRetry = write.rows.some(({ follower, remove }) => follower.endsWith(MAILER) && remove.length > 0);
          const found = isRetry ? await store.followers(log) : null;
          const head = found?.kind === "open" ? found.head : null;
          const moved = changed(write, (next, name) => (name.endsWith(MAILER) ? { ...next, at: head } : next));
          return store.write(log, head ? moved : write);
        },
      }),
    },
  },
  {
    name: "outbox-removed-before-execute",
    what: "a command leaves the outbox before it is executed, so that a crash loses it",
    fault: {
      models: (store) => {
        let isDue = false;
        return {
          rows: async (log, follower, table, range) => {
            const page = await store.rows(log, follower, table, range);
            if (table === "due" && "to" in range && range.to !== null) isDue = true;
            if (table !== "outbox" || !isDue || !("keys" in range) || !page) return page;
            isDue = false;
            const { name, revision, at, text, wake } = page.follower;
            const tables = { rows: "keep", states: "keep", waiting: "keep", outbox: "keep", due: "keep" } as const;
            const remove = page.rows.map(([key]) => key);
            await store.write(log, {
              followers: [{ name, revision, next: { at, text, wake, tables } }],
              rows: [{ follower, table, set: [], remove }],
            });
            return page;
          },
        };
      },
    },
  },
  {
    name: "reacting-in-a-rebuild",
    what: "newer code of a process manager reacts to the events that older code has reacted to",
    fault: writesAs((next, name) => {
      if (name !== `process/${FLOW}` || !isSwap(next)) return next;
      const notes = { ...parseOwnJson<object>(next.text), waiting: 0, parkedCount: 0, phase: "building" };
      const tables = { ...next.tables, rows: "new", states: "new", waiting: "new" } as const;
      return { ...next, at: null, text: JSON.stringify(notes), tables };
    }),
  },
  {
    name: "snapshot-of-another-fold",
    what: "a snapshot is taken for one of the other release",
    fault: snapshotsAs((one) => ({ ...one, fold: one.fold.endsWith("@1") ? "counter@2" : "counter@1" })),
  },
  {
    name: "snapshot-ahead-of-stream",
    what: "a snapshot names the last event of its stream, and its state lacks this event",
    fault: snapshotsAs((one, last) => ({ ...one, state: { ...one.state, total: one.state.total - last } })),
  },
  {
    name: "base-of-two-cursors",
    what: "a base has one table of the base before it",
    fault: {
      models: (store) => {
        let before: readonly BaseEntry[] | null = null;
        return {
          write: (log, write) => {
            const rows = withTexts(write.rows, "base/", (text) => {
              const entries = parseOwnJson<readonly BaseEntry[]>(text);
              const [first] = entries;
              const old = before?.filter(([table]) => table === first?.[0]) ?? [];
              before = entries;
              const mixed = [...old, ...entries.filter(([table]) => table !== first?.[0])];
              return JSON.stringify(old.length > 0 ? mixed : entries);
            });
            return store.write(log, { ...write, rows });
          },
        };
      },
    },
  },
  {
    name: "utf-16-key-order",
    what: "a page of rows has the order of JavaScript's strings",
    fault: {
      models: (store) => ({
        rows: async (log, follower, table, range) => {
          const page = await store.rows(log, follower, table, range);
          return page && { ...page, rows: [...page.rows].sort(([left], [right]) => (left < right ? -1 : 1)) };
        },
      }),
    },
  },
  {
    name: "lease-taken-as-fence",
    what: "a node that once got the lease writes without the revision",
    fault: {
      models: (store) => {
        const held = new Set<string>();
        return {
          lease: async (log, follower, holder, ms) => {
            const isHeld = await store.lease(log, follower, holder, ms);
            if (isHeld) held.add(follower);
            return isHeld;
          },
          write: async (log, write) => store.write(log, await unfenced(store, write, (name) => held.has(name))),
        };
      },
    },
  },
  {
    name: "timers-out-of-order",
    what: "of the timers that are due, a process executes the last one first",
    fault: {
      models: (store) => ({
        rows: async (log, follower, table, range) => {
          const page = await store.rows(log, follower, table, range);
          if (table !== "outbox" || !page) return page;
          return { ...page, rows: page.rows.map(([key, text]) => [key, text && timersReversed(text)] as const) };
        },
      }),
    },
  },
  {
    name: "timer-overtakes-event",
    what: "a timer that is due does not wait for the events that came in time and drop it",
    fault: writesAs((next, name) => {
      if (name !== `process/${FLOW}`) return next;
      const foldedUpTo = Number.MAX_SAFE_INTEGER;
      return { ...next, text: JSON.stringify({ ...parseOwnJson<object>(next.text), foldedUpTo }) };
    }),
  },
  {
    name: "timer-lost-at-swap",
    what: "newer code of a process manager begins with an empty outbox",
    fault: writesAs((next, name) =>
      name === `process/${FLOW}` && isSwap(next)
        ? { ...next, tables: { ...next.tables, outbox: "new", due: "new" } }
        : next,
    ),
  },
  ...lostPlaceMutants,
];
