/** S10 and S16 to S18: the calls that move logs to another store or to another name. */
import type { EventStore, KeptOutcome } from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireThat } from "../require.ts";
import { ALL, batch, commitId, outcome, readAll, recordsAfter, requireRecords, write } from "./samples.ts";

type Rule = { readonly rule: string; readonly name: string; readonly check: (store: EventStore) => Promise<void> };

export const moveRules: readonly Rule[] = [
  {
    rule: "S10",
    name: "droppedLogs: returns the names of the dropped logs in order",
    async check(store) {
      requireEqual(await store.droppedLogs(), [], "the dropped logs of an empty store");
      for (const log of ["b", "a", "kept"]) await write(store, log, null, { commit: 1 });
      for (const log of ["b", "a", "never-made"]) await store.drop(log);
      requireEqual(await store.droppedLogs(), ["a", "b", "never-made"], "the dropped logs");
    },
  },
  {
    rule: "S16",
    name: "outcomes: its pages contain each kept outcome of the log once, unchanged",
    async check(store) {
      requireEqual(await store.outcomes("log", null, 10), [], "the outcomes of an absent log");
      const head = await write(store, "log", null, { commit: 100 });
      const kept = Array.from({ length: 25 }, (_, n) =>
        outcome(n, { received: 5_000 - n, text: JSON.stringify({ id: commitId(n), note: "é \u2028" }) }),
      );
      const shared = ["bob", "eve"].map((actor) => outcome(7, { actor }));
      await store.append("log", batch(head, { outcomes: [...kept.toReversed(), ...shared] }));
      await store.append("other", batch(null, { outcomes: [outcome(50)] }));
      const all = [...kept.slice(0, 8), ...shared, ...kept.slice(8)];
      for (const limit of [1, 2, 10, 27, 100]) requireEqual(await outcomesOf(store, "log", limit), all, `by ${limit}`);
      await store.drop("log");
      requireEqual(await store.outcomes("log", null, 10), [], "the outcomes of a dropped log");
    },
  },
  {
    rule: "S17",
    name: "rename: records, streams, known commits and outcomes have the new name, and the old one is free",
    async check(store) {
      const head = await write(store, "staged", null, { commit: 1 }, { commit: 2, events: 3 });
      await store.append("staged", batch(head, { outcomes: [outcome(3)] }));
      const records = await readAll(store, "staged");
      requireEqual(await store.rename("staged", "log"), { kind: "ok" }, "the rename");
      requireEqual(await store.logs(), ["log"], "the logs");
      await requireRecords(store, "log", records);
      requireEqual(await store.readStream("log", "task/t1", 1, ALL), records.slice(1), "a stream");
      requireEqual(await store.outcomes("log", null, 10), [outcome(3)], "the outcomes");
      requireThat((await store.known("log", [commitId(1), commitId(3)])).size === 2, "its known commits");
      requireEqual(await store.head("staged"), { kind: "absent" }, "the old name");
      requireEqual(await store.rename("staged", "other"), { kind: "absent" }, "a rename of an absent log");
      await write(store, "log", head, { commit: 9 });
      await write(store, "staged", null, { commit: 1 });
    },
  },
  {
    rule: "S17",
    name: "rename: kept outcomes under the new name stay, and an equal commit refuses the rename",
    async check(store) {
      await write(store, "staged", null, { commit: 1 });
      const other = [outcome(1, { actor: "eve" }), outcome(2)];
      await store.append("log", batch(null, { outcomes: other }));
      for (const shared of [outcome(1), outcome(5)]) {
        await store.append(`full-${shared.commit}`, batch(null, { outcomes: [shared] }));
        if (shared.commit === commitId(5))
          await store.append("staged", batch({ position: 1, mark: "mark1" }, { outcomes: [shared] }));
        requireEqual(await store.rename("staged", `full-${shared.commit}`), { kind: "taken" }, "an equal commit");
      }
      requireEqual(await store.rename("staged", "log"), { kind: "ok" }, "the rename");
      requireEqual(await store.outcomes("log", null, 10), [...other, outcome(5)], "the outcomes of both");
      await requireRecords(store, "log", recordsAfter(null, [{ commit: 1 }]));
    },
  },
  {
    rule: "S17",
    name: "rename: a name with records, the own name, and a dropped name refuse it and stay as they are",
    async check(store) {
      await write(store, "staged", null, { commit: 1 });
      await write(store, "log", null, { commit: 2 });
      await store.drop("gone");
      requireEqual(await store.rename("staged", "log"), { kind: "taken" }, "a log with records");
      requireEqual(await store.rename("staged", "staged"), { kind: "taken" }, "the own name");
      requireEqual(await store.rename("staged", "gone"), { kind: "gone" }, "a dropped name");
      requireEqual(await store.rename("gone", "new"), { kind: "gone" }, "a rename of a dropped log");
      requireEqual(await store.rename("absent", "new"), { kind: "absent" }, "a rename of an absent log");
      requireEqual(await store.logs(), ["log", "staged"], "the logs");
      await requireRecords(store, "staged", recordsAfter(null, [{ commit: 1 }]));
      await requireRecords(store, "log", recordsAfter(null, [{ commit: 2 }]));
    },
  },
  {
    rule: "S17",
    name: "rename: a reader sees the whole log under its new name, or no log",
    async check(store) {
      await write(store, "staged", null, ...Array.from({ length: 50 }, (_, n) => ({ commit: n })));
      const renamed = store.rename("staged", "log");
      let head = await store.head("log");
      for (; head.kind === "absent"; head = await store.head("log")) await new Promise((done) => setTimeout(done, 0));
      requireEqual(head, { kind: "open", cursor: { position: 50, mark: "mark49" } }, "the head");
      requireEqual(await renamed, { kind: "ok" }, "the rename");
    },
  },
  {
    rule: "S18",
    name: "adoptId: an empty store takes the id, and a store with a log keeps its own",
    async check(store) {
      requireThat(await store.adoptId("id-of-the-old-store"), "the empty store takes the id");
      requireEqual(await store.id(), "id-of-the-old-store", "the id");
      await write(store, "log", null, { commit: 1 });
      requireThat(await store.adoptId("id-of-the-old-store"), "the same id again");
      requireThat(!(await store.adoptId("another")), "no other id for a store with a log");
      await store.drop("log");
      requireThat(!(await store.adoptId("another")), "no other id for a store with a dropped log");
      requireEqual(await store.id(), "id-of-the-old-store", "the id at the end");
    },
  },
];

async function outcomesOf(store: EventStore, log: string, limit: number): Promise<KeptOutcome[]> {
  const all: KeptOutcome[] = [];
  for (;;) {
    const page = await store.outcomes(log, all.at(-1) ?? null, limit);
    requireThat(page.length <= limit, `at most ${limit} outcomes`);
    if (page.length === 0) return all;
    all.push(...page);
  }
}
