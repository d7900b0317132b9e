/** S8 to S12: known commits, how long outcomes are kept, how logs begin and end, and the store's id. */
import type { EventStore } from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireThat } from "../require.ts";
import { ALL, batch, commitId, outcome, readAll, recordsAfter, requireRecords, write } from "./samples.ts";

type Rule = { readonly rule: string; readonly name: string; readonly check: (store: EventStore) => Promise<void> };

export const logRules: readonly Rule[] = [
  {
    rule: "S8",
    name: "known: for 500 ids, returns the actor and cursor, or the outcome, of each known id",
    async check(store) {
      const samples = Array.from({ length: 300 }, (_, n) => ({ commit: n, actor: n % 2 ? "bob" : "ann" }));
      const head = await write(store, "log", null, ...samples);
      await store.append(
        "log",
        batch(head, { outcomes: [outcome(400, { actor: "eve", text: '{"outcome":"rejected"}' })] }),
      );
      const known = await store.known(
        "log",
        Array.from({ length: 500 }, (_, n) => commitId(n + 1)),
      );
      requireThat(known.size === 300, `299 records and one outcome, not ${known.size}`);
      requireEqual(known.get(commitId(299)) ?? null, { record: { actor: "bob", at: head }, outcomes: [] }, "a record");
      requireEqual(
        known.get(commitId(400)) ?? null,
        { record: null, outcomes: [{ actor: "eve", text: '{"outcome":"rejected"}' }] },
        "an outcome",
      );
      requireThat((await store.known("log", [])).size === 0, "known ids for no ids");
      requireThat((await store.known("absent", [commitId(1)])).size === 0, "known ids in an absent log");
    },
  },
  {
    rule: "S8",
    name: "append: an id has one outcome for each actor and one record, and no outcome after it",
    async check(store) {
      const kept = { actor: "eve", text: '{"outcome":"rejected"}' };
      const head = await write(store, "log", null, { commit: 1 });
      await store.append("log", batch(head, { outcomes: [outcome(2, kept), outcome(3)] }));
      requireEqual(
        await store.append("log", batch(head, { records: recordsAfter(head, [{ commit: 3 }]) })),
        { kind: "known", commits: [commitId(3)] },
        "a record with an own outcome's id",
      );
      requireEqual(
        await store.append("log", batch(head, { outcomes: [outcome(1, kept)] })),
        { kind: "known", commits: [commitId(1)] },
        "an outcome with a record's id",
      );
      requireEqual(
        await store.append("log", batch(head, { outcomes: [outcome(2, kept)] })),
        { kind: "known", commits: [commitId(2)] },
        "a second outcome of one actor",
      );
      const another = { actor: "mallory", text: kept.text };
      requireEqual(
        await store.append("log", batch(head, { outcomes: [outcome(3, another)] })),
        { kind: "ok" },
        "an outcome of another actor",
      );
      requireEqual(
        (await store.known("log", [commitId(3)]))
          .get(commitId(3))
          ?.outcomes.map(({ actor }) => actor)
          .toSorted() ?? [],
        ["ann", "mallory"],
        "the actors with an outcome",
      );
      const end = await write(store, "log", head, { commit: 2 });
      requireEqual(
        (await store.known("log", [commitId(2)])).get(commitId(2)) ?? null,
        { record: { actor: "ann", at: end }, outcomes: [kept] },
        "the known record and outcomes",
      );
      requireEqual(
        await store.append(
          "log",
          batch(end, { records: recordsAfter(end, [{ commit: 4 }]), outcomes: [outcome(4, kept)] }),
        ),
        { kind: "ok" },
        "both in one batch",
      );
    },
  },
  {
    rule: "S9",
    name: "append: forgets outcomes that are older than forgetOutcomesBefore, and only these",
    async check(store) {
      const received = [500, 1_000, 999, 2_000];
      await store.append("log", batch(null, { outcomes: received.map((time, n) => outcome(n, { received: time })) }));
      await write(store, "other", null, { commit: 9 });
      await requireOutcomes(store, [0, 1, 2, 3]);
      await store.append("log", batch(null, { forgetOutcomesBefore: 1_000 }));
      await requireOutcomes(store, [1, 3]);
      await store.append("other", batch({ position: 1, mark: "mark9" }, { forgetOutcomesBefore: 9_000 }));
      await requireOutcomes(store, [1, 3]);
    },
  },
  {
    rule: "S9",
    name: "append: an actor with too many outcomes loses its oldest, and no other actor does",
    async check(store) {
      await store.append(
        "log",
        batch(null, {
          outcomes: [
            outcome(0, { actor: "bob", received: 1 }),
            outcome(1, { received: 30 }),
            outcome(2, { received: 10 }),
          ],
        }),
      );
      await store.append(
        "log",
        batch(null, { outcomes: [outcome(3, { received: 20 }), outcome(4, { received: 10 })], outcomesPerActorMax: 3 }),
      );
      await requireOutcomes(store, [0, 1, 3, 4]);
      await store.append(
        "log",
        batch(null, { outcomes: [outcome(5, { received: 30 }), outcome(6, { received: 30 })], outcomesPerActorMax: 2 }),
      );
      await requireOutcomes(store, [0, 5, 6]);
    },
  },
  {
    rule: "S9",
    name: "append: a refused append forgets nothing, and a record is never forgotten",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 });
      await store.append("log", batch(head, { outcomes: [outcome(2, { received: 5 })] }));
      await store.append("log", batch(null, { forgetOutcomesBefore: 10 }));
      await store.append("log", batch(head, { outcomes: [outcome(1)], forgetOutcomesBefore: 10 }));
      await requireOutcomes(store, [2]);
      await store.append("log", batch(head, { forgetOutcomesBefore: 10, outcomesPerActorMax: 0 }));
      await requireOutcomes(store, []);
      requireThat((await store.known("log", [commitId(1)])).size === 1, "the record is known");
      requireEqual(
        await store.append("log", batch(head, { outcomes: [outcome(2)] })),
        { kind: "ok" },
        "an outcome with a forgotten id",
      );
    },
  },
  {
    rule: "S10",
    name: "drop: a dropped log stays gone, and its name can never be used again",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 });
      await store.append("log", batch(head, { outcomes: [outcome(2)] }));
      const other = recordsAfter(null, [{ commit: 1 }]);
      await write(store, "other", null, { commit: 1 });
      await store.drop("log");
      await store.drop("log");
      requireEqual(await store.head("log"), { kind: "gone" }, "its head");
      for (const after of [null, head]) requireEqual(await store.read("log", after, ALL), { kind: "gone" }, "a page");
      for (const expected of [null, head]) {
        const records = recordsAfter(expected, [{ commit: 7 }]);
        requireEqual(await store.append("log", batch(expected, { records })), { kind: "gone" }, "an append");
      }
      requireEqual(await store.readStream("log", "task/t1", 0, ALL), [], "a stream");
      requireThat((await store.known("log", [commitId(1), commitId(2)])).size === 0, "nothing known");
      requireEqual(await store.logs(), ["other"], "the logs");
      await requireRecords(store, "other", other);
    },
  },
  {
    rule: "S10",
    name: "drop: a large log is gone at once, and a log that never existed is gone too",
    async check(store) {
      let head = await write(store, "log", null, { commit: 0 });
      for (let n = 1; n <= 3; n++)
        head = await write(store, "log", head, ...Array.from({ length: 500 }, (_, k) => ({ commit: 1_000 * n + k })));
      const dropped = store.drop("log");
      // The log must be gone for every reader although the store still deletes its rows.
      while ((await store.head("log")).kind === "open");
      requireThat((await store.known("log", [commitId(0), commitId(3_499)])).size === 0, "nothing known");
      requireEqual(await store.readStream("log", "task/t1", 0, ALL), [], "a stream");
      await Promise.all([dropped, store.drop("never-made")]);
      for (const log of ["log", "never-made"]) requireEqual(await store.head(log), { kind: "gone" }, log);
      requireEqual(
        await store.append("never-made", batch(null, { records: recordsAfter(null, [{ commit: 1 }]) })),
        { kind: "gone" },
        "an append",
      );
      requireEqual(await store.logs(), [], "the logs");
    },
  },
  {
    rule: "S11",
    name: "head: a log is absent until its first record or outcome, and reading makes no log",
    async check(store) {
      requireEqual(await store.head("log"), { kind: "absent" }, "its head");
      requireEqual(await store.read("log", null, ALL), { kind: "absent" }, "a page");
      requireEqual(await store.append("log", batch(null)), { kind: "ok" }, "an append of nothing");
      requireEqual(await store.head("log"), { kind: "absent" }, "its head after an append of nothing");
      requireEqual(await store.logs(), [], "the logs");
      await store.append("log", batch(null, { outcomes: [outcome(1)] }));
      requireEqual(await store.head("log"), { kind: "open", cursor: null }, "its head after an outcome");
      requireEqual(
        await store.read("log", null, ALL),
        { kind: "page", records: [], head: null },
        "its page after an outcome",
      );
      await write(store, "log", null, { commit: 2 });
      requireThat((await readAll(store, "log")).length === 1, "a record after the outcome");
    },
  },
  {
    rule: "S11",
    name: "logs: returns the names in order",
    async check(store) {
      for (const log of ["b", "a-2", "B", "a", "a.1"]) await write(store, log, null, { commit: 1 });
      requireEqual(await store.logs(), ["B", "a", "a-2", "a.1", "b"], "the names");
    },
  },
  {
    rule: "S12",
    name: "id: stays the same while logs are written and dropped",
    async check(store) {
      const id = await store.id();
      requireThat(/^[\w-]{1,64}$/.test(id), `the form of the id ${id}`);
      await write(store, "log", null, { commit: 1 });
      await store.drop("log");
      requireEqual(await store.id(), id, "the id after that");
    },
  },
];

/** Checks which of the first ten commits have a kept outcome. */
async function requireOutcomes(store: EventStore, commits: readonly number[]): Promise<void> {
  const known = await store.known(
    "log",
    Array.from({ length: 10 }, (_, n) => commitId(n)),
  );
  const kept = [...known].filter(([, { outcomes }]) => outcomes.length > 0).map(([commit]) => commit);
  requireEqual(kept.toSorted(), commits.map(commitId), "the commits whose outcome is kept");
}
