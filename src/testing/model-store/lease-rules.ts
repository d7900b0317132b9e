/** M9, M10 and M11: leases, logs with work, and dropped logs. */
import { requireEqual, requireThat } from "../require.ts";
import { batch, outcome, write } from "../event-store/samples.ts";
import {
  ALL_ROWS,
  follow,
  type ModelBed,
  type ModelRule,
  mustWrite,
  readRows,
  requireFollowers,
  rowsOf,
} from "./samples.ts";

const LONG_MS = 600_000;

export const leaseRules: readonly ModelRule[] = [
  {
    rule: "M9",
    name: "lease: one holder has it, can renew and return it, and a lease says nothing of revisions",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const lease = (holder: string, ms = LONG_MS, follower = "a") => models.lease("log", follower, holder, ms);
      requireThat(await lease("one"), "the first holder has the lease");
      requireThat(!(await lease("two")), "the second has not");
      requireThat(await lease("one"), "the holder renews it");
      requireThat(await lease("two", LONG_MS, "b"), "another follower has a lease of its own");
      await requireFollowers(models, {});
      requireThat((await models.rows("log", "a", "rows", ALL_ROWS)) === null, "a lease makes no table");
      await mustWrite(models, rowsOf(follow("a", 0, { at }), { k: "1" }));
      requireThat(!(await lease("two")), "a write leaves the lease as it is");
      await lease("two", 0);
      requireThat(!(await lease("two")), "only the holder returns the lease");
      await lease("one", 0);
      requireThat(await lease("two"), "the lease that was returned");
      await requireFollowers(models, { a: [1, at] });
    },
  },
  {
    rule: "M9",
    name: "lease: ends by itself, and of many that want it one has it",
    async check({ store, models }) {
      await write(store, "log", null, { commit: 1 });
      requireThat(await models.lease("log", "a", "one", 5), "a short lease");
      while (!(await models.lease("log", "a", "two", LONG_MS))) await new Promise((resolve) => setTimeout(resolve, 5));
      const holders = Array.from({ length: 5 }, (_, n) => `holder ${n}`);
      const taken = await Promise.all(holders.map((holder) => models.lease("log", "b", holder, LONG_MS)));
      requireThat(taken.filter(Boolean).length === 1, `one holder, not ${taken.filter(Boolean).length}`);
    },
  },
  {
    rule: "M10",
    name: "due: names logs with a missing or late follower, in pages over all logs",
    async check({ store, models }) {
      const heads = new Map<string, Awaited<ReturnType<typeof write>>>();
      for (const log of ["late", "log", "missing", "ready", "woken"])
        heads.set(log, await write(store, log, null, { commit: 1 }));
      const followAt = (log: string, at = heads.get(log) ?? null, wake: number | null = null) =>
        mustWrite(models, rowsOf(follow("a", 0, { at, wake }), { k: "1" }), log);
      await followAt("log");
      await followAt("ready");
      await followAt("woken", undefined, 500);
      await followAt("late");
      await write(store, "late", heads.get("late") ?? null, { commit: 2 });
      for (const limit of [1, 2, 100]) {
        requireEqual(await walk({ store, models }, ["a"], 499, limit), ["late", "missing"], `pages of ${limit} logs`);
        requireEqual(await walk({ store, models }, ["a"], 500, limit), ["late", "missing", "woken"], "a wake time");
      }
      requireEqual(await walk({ store, models }, [], 499, 2), [], "no followers");
      requireEqual(
        await walk({ store, models }, ["a", "b"], 499, 2),
        ["late", "log", "missing", "ready", "woken"],
        "a new follower",
      );
    },
  },
  {
    rule: "M11",
    name: "drop: removes followers, tables and rows, and the name gets no new ones",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      await write(store, "other", null, { commit: 1 });
      const rows = Object.fromEntries(Array.from({ length: 1_200 }, (_, n) => [`k${n}`, "1"]));
      await mustWrite(models, rowsOf(follow("a", 0, { at }), rows));
      await mustWrite(models, rowsOf(follow("a", 1, { at, tables: { rows: "new" } }), { k: "2" }));
      await mustWrite(models, rowsOf(follow("a", 0, { at }), { k: "other" }), "other");
      await models.lease("log", "a", "one", LONG_MS);
      await store.drop("log");
      requireEqual(await models.followers("log"), { kind: "gone" }, "the followers");
      requireThat((await models.rows("log", "a", "rows", ALL_ROWS)) === null, "no rows");
      requireThat(!(await models.sweep(10)), "no orphans");
      requireEqual(await models.write("log", rowsOf(follow("a", 0))), { kind: "gone" }, "a write");
      requireThat(!(await models.lease("log", "a", "one", LONG_MS)), "no lease");
      requireEqual(await walk({ store, models }, ["a"], LONG_MS, 10), [], "the logs with work");
      const other = await models.rows("other", "a", "rows", ALL_ROWS);
      requireEqual(other?.rows ?? [], [["k", "other"]], "the rows of the other log");
    },
  },
  {
    rule: "M11",
    name: "rename: followers and rows belong to the new name, and none is left from its outcomes",
    async check({ store, models }) {
      const at = await write(store, "old", null, { commit: 1 });
      await store.append("log", batch(null, { outcomes: [outcome(2)] }));
      await mustWrite(models, rowsOf(follow("a", 0), { k: "outcomes" }));
      await mustWrite(models, rowsOf(follow("b", 0), { k: "outcomes" }));
      await mustWrite(models, rowsOf(follow("a", 0, { at }), { k: "old" }), "old");
      requireEqual(await store.rename("old", "log"), { kind: "ok" }, "the rename");
      await requireFollowers(models, { a: [1, at] });
      requireEqual(await readRows(models, "a"), { k: "old" }, "the rows");
      requireEqual(await models.followers("old"), { kind: "absent" }, "the followers of the old name");
    },
  },
  {
    rule: "M11",
    name: "drop: of a log without read models needs no tables of them",
    async check({ store, models }) {
      await write(store, "log", null, { commit: 1 });
      await store.drop("log");
      requireEqual(await models.followers("log"), { kind: "gone" }, "the followers");
      const at = await write(store, "next", null, { commit: 1 });
      await mustWrite(models, rowsOf(follow("a", 0, { at }), { k: "1" }), "next");
      requireThat((await models.rows("next", "a", "rows", ALL_ROWS))?.rows.length === 1, "the rows of the next log");
      requireEqual(await readRowsOrNothing({ store, models }), {}, "the rows of the dropped log");
    },
  },
];

async function readRowsOrNothing({ models }: ModelBed): Promise<Readonly<Record<string, string | null>>> {
  return (await models.rows("log", "a", "rows", ALL_ROWS)) === null ? {} : readRows(models, "a");
}

/** The logs that `due` names in one walk over all logs. */
async function walk({ models }: ModelBed, names: readonly string[], now: number, limit: number): Promise<string[]> {
  const logs: string[] = [];
  for (let after: string | null = null, pages = 0; ; pages++) {
    const page = await models.due(names, now, after, limit);
    logs.push(...page.logs);
    if (page.next === null) return logs;
    requireThat(pages < 100, "a walk that ends");
    after = page.next;
  }
}
