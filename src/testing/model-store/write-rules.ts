/** M1, M2, M3, M7 and M12: the effects of a write of read models. */
import { requireEqual, requireRejection, requireThat } from "../require.ts";
import { batch, recordsAfter, requireRecords, write } from "../event-store/samples.ts";
import { follow, keysOf, type ModelRule, mustWrite, readPage, readRows, requireFollowers, rowsOf } from "./samples.ts";

export const writeRules: readonly ModelRule[] = [
  {
    rule: "M1",
    name: 'write: on the named revision it succeeds, on another it writes nothing and returns "moved"',
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      await mustWrite(models, rowsOf(follow("a", 0, { at }), { k: "1" }));
      await mustWrite(models, rowsOf(follow("a", 1, { at, text: '{"n":2}' }), { k: "2", l: "3" }));
      for (const revision of [0, 1, 3]) {
        const late = rowsOf(follow("a", revision), { k: "late" }, ["l"]);
        requireEqual(await models.write("log", late), { kind: "moved", followers: ["a"] }, `revision ${revision}`);
      }
      requireEqual(await readRows(models, "a"), { k: "2", l: "3" }, "the rows");
      requireEqual((await readPage(models, "a")).follower.text, '{"n":2}', "the text");
      await requireFollowers(models, { a: [2, at] });
    },
  },
  {
    rule: "M1",
    name: "write: if one of several followers moved, none of them changes, and only it is named",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      await mustWrite(models, rowsOf(follow("a", 0), { k: "1" }));
      const both = {
        followers: [follow("a", 1, { at }), follow("b", 1, { at }), follow("c", 0, { at })],
        rows: [{ follower: "a", table: "rows", set: [["k", "2"]] as const, remove: [] }],
      };
      requireEqual(await models.write("log", both), { kind: "moved", followers: ["b"] }, "the write");
      requireEqual(await readRows(models, "a"), { k: "1" }, "the rows of a");
      const checked = { followers: [follow("c", 0), { name: "a", revision: 7, next: "check" as const }], rows: [] };
      requireEqual(await models.write("log", checked), { kind: "moved", followers: ["a"] }, "a check");
      await requireFollowers(models, { a: [1, null] });
      await mustWrite(models, { followers: [follow("c", 0), { name: "a", revision: 1, next: "check" }], rows: [] });
      await requireFollowers(models, { a: [1, null], c: [1, null] });
    },
  },
  {
    rule: "M1",
    name: "write: of many writers on one revision, one succeeds in each round",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      for (let revision = 0; revision < 5; revision++) {
        const results = await Promise.all(
          [0, 1, 2, 3].map((writer) =>
            models.write("log", rowsOf(follow("a", revision, { at }), { k: `${revision} ${writer}` })),
          ),
        );
        const winners = results.flatMap(({ kind }, writer) => (kind === "ok" ? [writer] : []));
        requireThat(winners.length === 1, `one winner, not ${winners.length}`);
        requireEqual(await readRows(models, "a"), { k: `${revision} ${winners[0]}` }, "the row of the winner");
      }
    },
  },
  {
    rule: "M1",
    name: 'write: returns "absent" for a log without records, and creates no log',
    async check({ store, models }) {
      requireEqual(await models.write("log", rowsOf(follow("a", 0), { k: "1" })), { kind: "absent" }, "the write");
      requireEqual(await models.followers("log"), { kind: "absent" }, "the followers");
      requireThat((await models.rows("log", "a", "rows", keysOf("k"))) === null, "no rows");
      requireThat(!(await models.lease("log", "a", "one", 1_000)), "no lease");
      requireEqual(await store.head("log"), { kind: "absent" }, "the log");
      requireEqual(await store.logs(), [], "the logs");
    },
  },
  {
    rule: "M2",
    name: "append: records and read models change together, or neither of them changes",
    async check({ store, models }) {
      const first = recordsAfter(null, [{ commit: 1 }, { commit: 2 }]);
      const head = { position: 2, mark: "mark2" };
      const created = batch(null, { records: first, models: rowsOf(follow("a", 0, { at: head }), { k: "1" }) });
      requireEqual(await store.append("log", created), { kind: "ok" }, "the append that creates the log");
      await requireFollowers(models, { a: [1, head] });
      const next = recordsAfter(head, [{ commit: 3 }]);
      const at = { position: 3, mark: "mark3" };
      const late = batch(head, { records: next, models: rowsOf(follow("a", 0, { at }), { k: "2" }) });
      requireEqual(await store.append("log", late), { kind: "model-moved", followers: ["a"] }, "an old revision");
      await requireRecords(store, "log", first);
      const onOldHead = batch(null, { records: first, models: rowsOf(follow("a", 1, { at: head }), { k: "2" }) });
      requireEqual(await store.append("log", onOldHead), { kind: "moved", head }, "an old head");
      requireEqual(await readRows(models, "a"), { k: "1" }, "the rows of refused appends");
      const good = batch(head, { records: next, models: rowsOf(follow("a", 1, { at }), { k: "2" }) });
      requireEqual(await store.append("log", good), { kind: "ok" }, "the append");
      await requireRecords(store, "log", [...first, ...next]);
      requireEqual(await readRows(models, "a"), { k: "2" }, "the rows");
      await requireFollowers(models, { a: [2, at] });
      await requireRejection(
        store.append("log", batch(at, { models: rowsOf(follow("a", 2, { at }), { k: "3" }) })),
        "an append with read models and no record",
      );
    },
  },
  {
    rule: "M3",
    name: "write: a cursor that is no record end of this log writes nothing",
    async check({ store, models }) {
      const head = await write(store, "log", null, { commit: 1 }, { commit: 2, events: 3 });
      const wrong = [
        { position: 1, mark: "other" },
        { position: 3, mark: "mark2" },
        { position: 4, mark: "mark1" },
        { position: 5, mark: "mark2" },
      ];
      for (const at of wrong) {
        const result = await models.write("log", rowsOf(follow("a", 0, { at }), { k: "1" }));
        requireEqual(result, { kind: "moved", followers: ["a"] }, JSON.stringify(at));
      }
      await requireFollowers(models, {});
      for (const [revision, at] of [head, { position: 1, mark: "mark1" }, null].entries())
        await mustWrite(models, rowsOf(follow("a", revision, { at })));
      await requireFollowers(models, { a: [3, null] });
    },
  },
  {
    rule: "M3",
    name: "append: a follower may be at the end of a record of the same append",
    async check({ store, models }) {
      const records = recordsAfter(null, [{ commit: 1 }, { commit: 2 }]);
      const inside = { position: 1, mark: "mark1" };
      const wrong = batch(null, { records, models: rowsOf(follow("a", 0, { at: { position: 2, mark: "mark1" } })) });
      requireEqual(await store.append("log", wrong), { kind: "model-moved", followers: ["a"] }, "a wrong mark");
      requireEqual(await store.head("log"), { kind: "absent" }, "the log");
      await store.append("log", batch(null, { records, models: rowsOf(follow("a", 0, { at: inside })) }));
      await requireFollowers(models, { a: [1, inside] });
    },
  },
  {
    rule: "M7",
    name: "write: keeps, empties, moves and orphans tables, and sweep deletes only orphans",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const two = { rows: "keep", states: "keep" } as const;
      await mustWrite(models, {
        followers: [follow("live", 0, { at, tables: two }), follow("beside", 0, { at, tables: two })],
        rows: ["live", "beside"].flatMap((follower) =>
          ["rows", "states"].map((table) => ({
            follower,
            table,
            set: [["k", `${follower} ${table}`]] as const,
            remove: [],
          })),
        ),
      });
      await mustWrite(models, {
        followers: [
          follow("live", 1, { at, tables: { rows: { from: "beside" }, states: "new" } }),
          { name: "beside", revision: 1, next: null },
        ],
        rows: [{ follower: "live", table: "rows", set: [["l", "after"]], remove: [] }],
      });
      await requireFollowers(models, { live: [2, at] });
      while (await models.sweep(1));
      requireEqual(await readRows(models, "live"), { k: "beside rows", l: "after" }, "the moved table");
      requireEqual(await readRows(models, "live", undefined, "states"), {}, "the new table");
      requireThat((await models.rows("log", "beside", "rows", keysOf("k"))) === null, "no table of beside");
      await mustWrite(models, rowsOf(follow("live", 2, { at })));
      requireThat((await models.rows("log", "live", "states", keysOf("k"))) === null, "no table that is not named");
      requireEqual(await readRows(models, "live"), { k: "beside rows", l: "after" }, "the kept table");
      await mustWrite(models, rowsOf(follow("beside", 0, { at })));
      requireEqual(await readRows(models, "beside"), {}, "a follower that is created again");
    },
  },
  {
    rule: "M7",
    name: "sweep: deletes many rows in steps, and returns false when none is left",
    async check({ store, models }) {
      const at = await write(store, "log", null, { commit: 1 });
      const rows = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`k${n}`, "1"]));
      await mustWrite(models, rowsOf(follow("a", 0, { at }), rows));
      await mustWrite(models, rowsOf(follow("a", 1, { at, tables: { rows: "new" } }), { live: "1" }));
      let steps = 0;
      while (await models.sweep(20)) if (++steps > 20) throw new Error("sweep does not end");
      requireThat(!(await models.sweep(20)), "nothing left");
      requireEqual(await readRows(models, "a"), { live: "1" }, "the live rows");
    },
  },
  {
    rule: "M12",
    name: "write: rejects a write that is wrong for every store, and writes nothing",
    async check({ store, models }) {
      await write(store, "log", null, { commit: 1 });
      await mustWrite(models, rowsOf(follow("a", 0), { k: "1" }));
      const twice = { followers: [follow("a", 1), follow("a", 1)], rows: [] };
      await requireRejection(models.write("log", twice), "a follower twice");
      const foreign = { followers: [follow("a", 1)], rows: [{ follower: "b", table: "rows", set: [], remove: [] }] };
      await requireRejection(models.write("log", foreign), "rows of another follower");
      const table = { follower: "a", table: "rows" };
      const twoTexts = {
        ...table,
        set: [
          ["k", "1"],
          ["k", "2"],
        ] as const,
        remove: [],
      };
      const alsoRemoved = { ...table, set: [["k", "1"]] as const, remove: ["k"] };
      for (const rows of [twoTexts, alsoRemoved])
        await requireRejection(models.write("log", { followers: [follow("a", 1)], rows: [rows] }), "a key twice");
      const large = rowsOf(follow("a", 1), { k: "x".repeat(1024 * 1024 + 1) });
      await requireRejection(models.write("log", large), "a row above 1 MiB");
      await requireFollowers(models, { a: [1, null] });
    },
  },
  {
    rule: "M12",
    name: "write: a closed store rejects every call of its read models",
    async check({ store, models }) {
      await write(store, "log", null, { commit: 1 });
      await store.close();
      await requireRejection(models.write("log", rowsOf(follow("a", 0))), "a write");
      await requireRejection(models.followers("log"), "the followers");
      await requireRejection(models.rows("log", "a", "rows", keysOf()), "rows");
      await requireRejection(models.lease("log", "a", "one", 1), "a lease");
      await requireRejection(models.due(["a"], 0, null, 10), "due");
    },
  },
];
