/** Planted faults of followers, each in the store of all nodes. */
import { notesOf } from "../../../src/sync-server/read-models/follower-notes.ts";
import { positionOf } from "../../../src/core/history/record.ts";
import type { FollowerNext, ModelStore, ModelWrite } from "../../../src/sync-server/stores/model-store.ts";
import type { PlantedFault } from "../../support/simulation/followers/shared-store.ts";
import { runFollowers } from "../../support/simulation/followers/world.ts";

export type FollowerMutant = { readonly name: string; readonly what: string } & Pick<PlantedFault, "models" | "read">;

/** Writes on the revision that is there now, so that no write is refused. */
async function unfenced(store: ModelStore, log: string, write: ModelWrite): Promise<ModelWrite> {
  const found = await store.followers(log);
  const now = new Map(found.kind === "open" ? found.followers.map(({ name, revision }) => [name, revision]) : []);
  return { ...write, followers: write.followers.map((one) => ({ ...one, revision: now.get(one.name) ?? 0 })) };
}

function changedNext(write: ModelWrite, change: (next: FollowerNext) => FollowerNext): ModelWrite {
  const followers = write.followers.map((one) =>
    one.next === null || one.next === "check" ? one : { ...one, next: change(one.next) },
  );
  return { ...write, followers };
}

export const followerMutants: readonly FollowerMutant[] = [
  {
    name: "write-without-revision",
    what: "a write of rows does not name the revision that it was computed on",
    models: (store) => ({ write: async (log, write) => store.write(log, await unfenced(store, log, write)) }),
  },
  {
    name: "rows-behind-cursor",
    what: "a write moves the cursor to the head, though its rows end before",
    models: (store) => ({
      write: async (log, write) => {
        const found = await store.followers(log);
        const head = found.kind === "open" ? found.head : null;
        return store.write(
          log,
          changedNext(write, (next) => ({ ...next, at: next.at && head })),
        );
      },
    }),
  },
  {
    name: "rows-after-cursor",
    what: "the cursor and the rows are written in two transactions",
    models: (store) => ({
      write: async (log, write) => {
        const first = await store.write(log, { ...write, rows: [] });
        if (first.kind !== "ok" || write.rows.length === 0) return first;
        const found = await store.followers(log);
        // The process can die here. The planted fault loses the second write now and then, as a crash does.
        if (found.kind !== "open" || (found.head?.position ?? 0) % 7 === 0) return first;
        const followers = found.followers
          .filter(({ name }) => write.rows.some((one) => one.follower === name))
          .map(({ name, revision, at, text }) => {
            const next = write.followers.find((one) => one.name === name)?.next;
            const kept = next && next !== "check" ? Object.keys(next.tables) : [];
            const tables = Object.fromEntries(kept.map((table) => [table, "keep" as const]));
            return { name, revision, next: { at, text, wake: null, tables } };
          });
        return store.write(log, { followers, rows: write.rows });
      },
    }),
  },
  {
    name: "swap-at-unequal-cursors",
    what: "a rebuild ends at the end of its page, though the rows that are read are further",
    read: (store) => async (log, after, limit) => {
      const page = await store.read(log, after, limit);
      return page.kind === "page" ? { ...page, head: page.records.at(-1)?.cursor ?? page.head } : page;
    },
  },
  {
    name: "swap-without-last-page",
    what: "a rebuild ends on the cursor of the live rows, and its own rows end before",
    models: (store) => ({
      write: (log, write) => {
        const isSwap = write.followers.some(
          ({ next }) => next && next !== "check" && Object.values(next.tables).some((one) => typeof one === "object"),
        );
        return store.write(log, isSwap ? { ...write, rows: [] } : write);
      },
    }),
  },
  {
    name: "purged-model-followed",
    what: "a model that was purged follows the log again with half of its rows",
    models: (store) => ({
      write: (log, write) =>
        store.write(
          log,
          changedNext(write, (next) => {
            const notes = notesOf(next);
            return notes?.phase === "purged" ? { ...next, text: JSON.stringify({ ...notes, phase: "ready" }) } : next;
          }),
        ),
    }),
  },
  {
    name: "tombstone-ignored",
    what: "an event after the deletion of a row makes the row again",
    models: (store) => ({
      rows: async (log, follower, table, range) => {
        const page = await store.rows(log, follower, table, range);
        return page && { ...page, rows: page.rows.filter(([, text]) => text !== null) };
      },
    }),
  },
  {
    name: "deletion-forgets-the-job",
    what: "the deletion of a row does not reach the rows that a job is building",
    models: (store) => ({
      write: (log, write) => {
        const rows = write.rows.filter(
          ({ follower, set }) => !follower.startsWith("beside/") || set.some(([, text]) => text !== null),
        );
        return store.write(log, { ...write, rows });
      },
    }),
  },
  {
    name: "deletion-forgotten-by-newer-code",
    what: "a deleted row comes back when newer code builds the rows again",
    models: (store) => ({
      write: (log, write) => {
        const again = write.followers.flatMap(({ name, next }) =>
          next !== null && next !== "check" && next.at !== null && next.tables["rows"] === "new" ? name : [],
        );
        const rows = write.rows.filter(
          ({ follower, set }) => !again.includes(follower) || set.every(([, text]) => text !== null),
        );
        return store.write(log, { ...write, rows });
      },
    }),
  },
  {
    name: "unknown-events-forgotten",
    what: "rows that lack unknown events do not say so, so that newer code does not build them again",
    models: (store) => ({
      write: (log, write) =>
        store.write(
          log,
          changedNext(write, (next) => ({
            ...next,
            text: next.text.replace('"hasUnknown":true', '"hasUnknown":false'),
          })),
        ),
    }),
  },
  {
    name: "lost-history-continued",
    what: "rows of a history that a restore removed follow the log from the same position",
    read: (store) => async (log, after, limit) => {
      const page = await store.read(log, after, limit);
      const all = page.kind === "diverged" ? await store.read(log, null, { events: 10_000, bytes: 10_000_000 }) : page;
      if (page.kind !== "diverged" || all.kind !== "page") return page;
      return { ...all, records: all.records.filter(({ cursor }) => cursor.position > positionOf(after)) };
    },
  },
];

/** Runs worlds of followers with a planted fault until one breaks. */
export async function findFollowerMutant(
  fault: FollowerMutant,
  seedsMax: number,
): Promise<{ readonly seed: number; readonly problem: string } | null> {
  for (let seed = 1; seed <= seedsMax; seed++) {
    const [problem] = await runFollowers(seed, fault);
    if (problem !== undefined) return { seed, problem };
  }
  return null;
}
