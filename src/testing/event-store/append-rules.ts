/** S1 to S4 and S8: the effects of an append. */
import type { Cursor } from "../../core/history/record.ts";
import type { AppendResult, EventStore } from "../../sync-server/stores/event-store.ts";
import { requireEqual, requireRejection, requireThat } from "../require.ts";
import { ALL, batch, commitId, outcome, readAll, recordsAfter, requireRecords, write } from "./samples.ts";

type Rule = { readonly rule: string; readonly name: string; readonly check: (store: EventStore) => Promise<void> };

export const appendRules: readonly Rule[] = [
  {
    rule: "S1",
    name: "append: on the current head it succeeds, and its last record is the new head",
    async check(store) {
      const first = recordsAfter(null, [{ commit: 1 }, { commit: 2, events: 3 }]);
      requireEqual(await store.append("log", batch(null, { records: first })), { kind: "ok" }, "the first append");
      const head = { position: 4, mark: "mark2" };
      requireEqual(await store.head("log"), { kind: "open", cursor: head }, "the head");
      const second = recordsAfter(head, [{ commit: 3 }]);
      requireEqual(await store.append("log", batch(head, { records: second })), { kind: "ok" }, "the second append");
      await requireRecords(store, "log", [...first, ...second]);
    },
  },
  {
    rule: "S1",
    name: "append: on a head that moved it writes nothing and returns the current head",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 }, { commit: 2 });
      const before = await readAll(store, "log");
      const stale: (Cursor | null)[] = [
        null,
        { position: 1, mark: "mark1" },
        { position: 2, mark: "other" },
        { position: 9, mark: "mark2" },
      ];
      for (const expected of stale) {
        const late = batch(expected, { records: recordsAfter(expected, [{ commit: 3 }]), outcomes: [outcome(4)] });
        requireEqual(
          await store.append("log", late),
          { kind: "moved", head },
          `an append on ${JSON.stringify(expected)}`,
        );
      }
      requireEqual(
        await store.append("log", batch(null)),
        { kind: "moved", head },
        "an append of nothing on an old head",
      );
      await requireRecords(store, "log", before);
      requireThat(
        (await store.known("log", [commitId(3), commitId(4)])).size === 0,
        "no known ids of the refused append",
      );
    },
  },
  {
    rule: "S1",
    name: "append: returns head null if the append expects a head and there is no log",
    async check(store) {
      const expected = { position: 3, mark: "restored" };
      const records = recordsAfter(expected, [{ commit: 1 }]);
      requireEqual(
        await store.append("log", batch(expected, { records })),
        { kind: "moved", head: null },
        "the append",
      );
      requireEqual(await store.head("log"), { kind: "absent" }, "the log");
    },
  },
  {
    rule: "S1",
    name: "append: with known commit ids it returns the ids and writes nothing",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1 });
      await store.append("log", batch(head, { outcomes: [outcome(2)] }));
      const before = await readAll(store, "log");
      const records = recordsAfter(head, [{ commit: 3 }, { commit: 2 }, { commit: 1 }]);
      const known = [commitId(2), commitId(1)];
      requireEqual(
        await store.append("log", batch(head, { records })),
        { kind: "known", commits: known },
        "records with known ids",
      );
      const outcomes = [outcome(1), outcome(4), outcome(2)];
      requireEqual(
        await store.append("log", batch(head, { outcomes })),
        { kind: "known", commits: known.toReversed() },
        "outcomes with known ids",
      );
      await requireRecords(store, "log", before);
      requireThat(
        (await store.known("log", [commitId(3), commitId(4)])).size === 0,
        "no known ids of the other records in the batch",
      );
    },
  },
  {
    rule: "S1",
    name: 'append: of two appends on one head, one succeeds and the other returns "moved"',
    async check(store) {
      let head: Cursor | null = null;
      for (let round = 0; round < 10; round++) {
        const rivals = [2 * round, 2 * round + 1].map((commit) => recordsAfter(head, [{ commit }]));
        const results: AppendResult[] = await Promise.all(
          rivals.map((records) => store.append("log", batch(head, { records }))),
        );
        const winner: number = results.findIndex(({ kind }) => kind === "ok");
        head = rivals[winner]?.at(-1)?.cursor ?? null;
        requireEqual(results[1 - winner] ?? null, { kind: "moved", head }, "the other append");
      }
      requireThat((await readAll(store, "log")).length === 10, "one record for each round");
    },
  },
  {
    rule: "S1",
    name: "append: many writers that read and try again all succeed, each once",
    async check(store) {
      const writers = Array.from({ length: 8 }, (_, n) => appendUntilTaken(store, n));
      await Promise.all(writers);
      const commits = (await readAll(store, "log")).map(({ commit }) => commit);
      requireEqual(
        commits.toSorted(),
        writers.map((_, n) => commitId(n)),
        "the commits",
      );
    },
  },
  {
    rule: "S2",
    name: 'append: after "ok" every later call returns the record',
    async check(store) {
      const head = await write(store, "log", null, { commit: 1, events: 2 });
      requireEqual(await store.head("log"), { kind: "open", cursor: head }, "the head");
      requireThat((await store.known("log", [commitId(1)])).has(commitId(1)), "the commit is known");
      requireThat((await store.readStream("log", "task/t1", 0, ALL)).length === 1, "its record in the stream");
      requireThat((await readAll(store, "log")).length === 1, "its record in the log");
      requireEqual(await store.logs(), ["log"], "the logs");
    },
  },
  {
    rule: "S2",
    name: "close: a closed store rejects every call, and a second close succeeds",
    async check(store) {
      await store.close();
      await store.close();
      await requireRejection(
        store.append("log", batch(null, { records: recordsAfter(null, [{ commit: 1 }]) })),
        "an append to a closed store",
      );
      await requireRejection(store.head("log"), "a read of a closed store");
    },
  },
  {
    rule: "S3",
    name: "append: rejects a batch with a gap or an overlap, and writes nothing",
    async check(store) {
      const head = await write(store, "log", null, { commit: 1, events: 2 });
      const before = await readAll(store, "log");
      const [next, second] = recordsAfter(head, [{ commit: 2 }, { commit: 3 }]);
      requireThat(next !== undefined && second !== undefined, "two samples");
      const wrong = [
        [second],
        [second, next],
        [next, next],
        [{ ...next, position: 2 }],
        [next, { ...second, position: 5 }],
        [{ ...next, cursor: head }],
      ];
      for (const records of wrong)
        await requireRejection(store.append("log", batch(head, { records })), "a batch that does not follow the head");
      await requireRecords(store, "log", before);
    },
  },
  {
    rule: "S4",
    name: "read, readStream: return all or nothing of a batch during an append",
    async check(store) {
      let done = false;
      const writing = (async () => {
        let head: Cursor | null = null;
        for (let n = 0; n < 20; n++)
          head = await write(
            store,
            "log",
            head,
            { commit: 3 * n, events: 2 },
            { commit: 3 * n + 1 },
            { commit: 3 * n + 2, events: 2 },
          );
        done = true;
      })();
      const reading = async () => {
        while (!done) {
          const page = await store.read("log", null, ALL);
          if (page.kind !== "absent") {
            requireThat(page.kind === "page" && page.records.length % 3 === 0, "whole batches of three records");
            requireEqual(
              page.records.at(-1)?.cursor ?? null,
              page.head,
              "a page without a limit ends at the head that it returns",
            );
          }
          const ofStream = await store.readStream("log", "task/t1", 0, ALL);
          requireThat(ofStream.length % 3 === 0, "whole batches in the stream");
          // Wait for the next turn of the event loop, because a store may need one to write.
          await new Promise((resolve) => setTimeout(resolve, 0));
        }
      };
      await Promise.all([writing, reading(), reading()]);
    },
  },
  {
    rule: "S8",
    name: "append: logs are independent, so two logs can contain the same commit id",
    async check(store) {
      await write(store, "one", null, { commit: 1 });
      const two = await write(store, "two", null, { commit: 1, mark: "two", actor: "bob" }, { commit: 2, mark: "end" });
      await requireRecords(store, "one", recordsAfter(null, [{ commit: 1 }]));
      const known = [...(await store.known("two", [commitId(1)]))];
      requireEqual(
        known,
        [[commitId(1), { record: { actor: "bob", at: { position: 1, mark: "two" } }, outcomes: [] }]],
        "the commit in the other log",
      );
      requireThat(
        (await store.readStream("one", "task/t1", 1, ALL)).length === 0,
        "no record of the other log in a stream of the same name",
      );
      requireEqual(await store.head("two"), { kind: "open", cursor: two }, "the other log's head");
    },
  },
  {
    rule: "S8",
    name: "append: rejects a batch that names a commit twice, and writes nothing",
    async check(store) {
      const twice = recordsAfter(null, [{ commit: 1 }, { commit: 1 }]);
      await requireRejection(store.append("log", batch(null, { records: twice })), "two records of one commit");
      await requireRejection(
        store.append("log", batch(null, { records: twice.slice(0, 1), outcomes: [outcome(1)] })),
        "a record and an outcome of one commit",
      );
      requireEqual(await store.head("log"), { kind: "absent" }, "the log");
    },
  },
];

/** Acts as a log writer: it reads, computes and appends, and starts again if another writer was faster. */
async function appendUntilTaken(store: EventStore, commit: number): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    const head = await store.head("log");
    const expected = head.kind === "open" ? head.cursor : null;
    const result = await store.append("log", batch(expected, { records: recordsAfter(expected, [{ commit }]) }));
    if (result.kind === "ok") return;
    requireThat(result.kind === "moved", `moved, not ${result.kind}`);
  }
  throw new Error("A writer lost 100 attempts to append against other writers");
}
