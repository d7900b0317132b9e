/**
 * L4 and L5: each write of the leader names the state that it was computed on, and is stored completely or not at all.
 */
import {
  ALL,
  batchOf,
  commitOf,
  confirmationOf,
  confirmRecords,
  entriesOf,
  nameOf,
  readAll,
  recordsBehind,
  recordTexts,
  rejectedOf,
  settledOf,
} from "./fixtures.ts";
import { requireEqual, requireThat } from "../require.ts";
import type { Filling } from "../../client/stores/log-store.ts";
import type { LogStoreRule } from "./rule.ts";

export const leaderRules: readonly LogStoreRule[] = [
  {
    rule: "L4",
    name: "confirm: writes records, cursor, settled commits and rejections together",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a", "b", "c"), []);
      const batch = batchOf(null, recordsBehind(null, [1, 2]));
      const settled = { ...settledOf(1, "a"), outcome: "rebased" as const, position: 3, settledAt: 12.5 };
      requireEqual(
        await store.confirm(
          await store.head(),
          confirmationOf(batch, { settled: [settled], rejected: [rejectedOf(2, "b")] }),
        ),
        true,
        "the result",
      );
      const seen = await store.refresh(ALL);
      requireEqual([seen.head.cursor, seen.batches, seen.more], [batch.cursor, [batch], false], "the log");
      requireEqual(
        [seen.pending.map(nameOf), seen.pendingNumbers, seen.rejectionIds],
        [["c"], [3], [commitOf("b").id]],
        "pending entries and rejections",
      );
      requireEqual(await store.readSent(null), [settled], "sent entries");
      requireEqual(await store.readRejections(), [rejectedOf(2, "b")], "rejections");
    },
  },
  {
    rule: "L4",
    name: "confirm: returns false on an old cursor or generation, and writes nothing",
    async check({ open }) {
      const [old, leader] = [await open(), await open()];
      await old.appendPending(0, entriesOf("a"), []);
      const stale = await old.head();
      await confirmRecords(leader, [1]);
      const before = await leader.refresh(ALL);
      const late = confirmationOf(batchOf(null, recordsBehind(null, [2], "x")), { settled: [settledOf(1, "a")] });
      requireEqual(await old.confirm(stale, late), false, "on an old cursor");
      requireEqual(
        await old.confirm(
          { ...before.head, cursor: { position: 1, mark: "other" } },
          confirmationOf(null, { settled: [settledOf(1, "a")] }),
        ),
        false,
        "on another mark",
      );
      requireEqual(
        await old.confirm({ ...before.head, generation: 7 }, confirmationOf(null, { settled: [settledOf(1, "a")] })),
        false,
        "on another generation",
      );
      requireEqual(await leader.refresh(ALL), before, "the stored state");
      requireEqual(await leader.readSent(null), [], "sent entries");
    },
  },
  {
    rule: "L4",
    name: "confirm: a repeated confirmation does not restore a discarded rejection",
    async check({ open }) {
      const [leader, displaced] = [await open(), await open()];
      await leader.appendPending(0, entriesOf("a", "b"), []);
      const head = await leader.head();
      const confirmation = confirmationOf(null, { rejected: [rejectedOf(1, "a")] });
      requireEqual(await leader.confirm(head, confirmation), true, "the first time");
      await leader.removeRejections([commitOf("a").id]);
      await displaced.confirm(head, confirmation);
      requireEqual(await leader.readRejections(), [], "rejections");
    },
  },
  {
    rule: "L4",
    name: "confirm: a record for a kept rejection moves its commit to the sent entries",
    async check({ open }) {
      const [store, other] = [await open(), await open()];
      await store.appendPending(0, entriesOf("a", "b"), []);
      await confirmRecords(store, [1], { rejected: [rejectedOf(1, "a")] });
      requireEqual(await store.readRejections(), [rejectedOf(1, "a")], "rejections, with their undo notes");
      await confirmRecords(store, [1], { settled: [settledOf(1, "a")] });
      requireEqual(
        [(await other.refresh(ALL)).rejectionIds, (await other.refresh(ALL)).pending.map(nameOf)],
        [[], ["b"]],
        "rejections and pending entries",
      );
      requireEqual(await other.readSent(null), [settledOf(1, "a")], "sent entries");
    },
  },
  {
    rule: "L4",
    name: "confirm: removes sent entries that are older than forgetSentBefore, and keeps those without a time",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a", "b", "c", "d"), []);
      await confirmRecords(store, [1], {
        settled: [settledOf(1, "a", null), settledOf(2, "b", 100), settledOf(3, "c", 200), settledOf(4, "d", 300)],
      });
      await confirmRecords(store, [1], { forgetSentBefore: 200 });
      requireEqual((await store.readSent(null)).map(nameOf), ["a", "c", "d"], "sent entries");
      requireEqual(
        (await store.readSent([9, 4, 2, 4])).map(({ n }) => n),
        [4],
        "sent entries by number",
      );
    },
  },
  {
    rule: "L5",
    name: "cutBack: keeps the log up to a record, and replaces the pending entries",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a", "b", "c"), []);
      await confirmRecords(store, [2, 3, 4], { settled: [settledOf(1, "a"), settledOf(2, "b")] });
      const before = await confirmRecords(store, [1]);
      const all = recordTexts((await readAll(store)).batches, null);
      const keep = { position: 5, mark: "g0m3" };
      const head = await store.cutBack(before, keep, entriesOf("a", "c"));
      requireThat(head !== null, "the cut is made");
      const seen = await store.refresh(ALL);
      requireEqual(seen.head, head, "the head");
      requireEqual(
        [head.generation, head.cursor, head.client],
        [before.generation + 1, keep, before.client],
        "generation, cursor and client",
      );
      requireEqual(recordTexts(seen.batches, null), all.slice(0, 2), "records");
      requireEqual(seen.pending.map(nameOf), ["a", "c"], "pending entries");
      requireThat(
        seen.pending.every(({ n }) => n > before.pendingTail) && seen.pending.at(-1)?.n === head.pendingTail,
        "their numbers are new, the last one is the tail",
      );
      requireEqual((await store.readSent(null)).map(nameOf), ["b"], "sent entries");
    },
  },
  {
    rule: "L5",
    name: "fill: writes records and pending, sent and rejected entries of a log together",
    async check({ open }) {
      const store = await open();
      const empty = await store.head();
      const batch = batchOf(null, recordsBehind(null, [2, 3]));
      const filling: Filling = {
        batch,
        settled: [settledOf(1, "a")],
        rejected: [rejectedOf(2, "b")],
        pending: entriesOf("c", "d"),
      };
      requireEqual(
        await store.fill({ ...empty, generation: empty.generation + 1 }, filling),
        false,
        "on another generation",
      );
      requireEqual(await store.fill({ ...empty, pendingTail: 1 }, filling), false, "on another tail");
      requireEqual(await store.head(), empty, "the head after nothing was written");
      requireEqual(await store.fill(empty, filling), true, "on the current head");
      requireEqual(await store.fill(empty, filling), false, "once more");
      const seen = await store.refresh(ALL);
      requireEqual(seen.head, { ...empty, cursor: batch.cursor, pendingTail: 4 }, "the head");
      requireEqual(recordTexts(seen.batches, null).length, 2, "records");
      requireEqual(
        seen.pending.map((entry) => [entry.n, nameOf(entry)]),
        [
          [3, "c"],
          [4, "d"],
        ],
        "pending entries",
      );
      requireEqual((await store.readSent(null)).map(nameOf), ["a"], "sent entries");
      requireEqual((await store.readRejections()).map(nameOf), ["b"], "rejections");
      requireEqual(await store.appendPending(4, entriesOf("e"), []), true, "an append after it");
    },
  },
  {
    rule: "L5",
    name: "fill: numbers of settled commits are not used again",
    async check({ open }) {
      const store = await open();
      await store.fill(await store.head(), {
        batch: null,
        settled: [settledOf(1, "a"), settledOf(2, "b")],
        rejected: [],
        pending: [],
      });
      requireEqual((await store.head()).pendingTail, 2, "the tail");
      requireEqual(await store.appendPending(0, entriesOf("c"), []), false, "on the earlier tail");
      requireEqual(await store.appendPending(2, entriesOf("c"), []), true, "on the tail");
      requireEqual(
        (await store.refresh(ALL)).pending.map(({ n }) => n),
        [3],
        "numbers",
      );
    },
  },
  {
    rule: "L5",
    name: "cutBack: returns null when generation, cursor or tail moved, and writes nothing",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a"), []);
      const head = await confirmRecords(store, [1, 1]);
      const before = await store.refresh(ALL);
      requireEqual(await store.cutBack({ ...head, generation: 1 }, null, []), null, "another generation");
      requireEqual(await store.cutBack({ ...head, cursor: null }, null, []), null, "another cursor");
      requireEqual(
        await store.cutBack({ ...head, pendingTail: 0 }, null, []),
        null,
        "a commit that was appended in between",
      );
      requireEqual(await store.refresh(ALL), before, "the stored state");
    },
  },
  {
    rule: "L5",
    name: "cutBack: cuts at any record or to nothing, sealed or not, and the log grows again",
    async check({ open }) {
      for (const cut of [0, 1, 7, 8, 9, 15, 24, 39, 40]) {
        const store = await open();
        await store.cutBack(await store.head(), null, []);
        requireEqual((await store.head()).cursor, null, "the cursor of an empty log");
        const marks = Array.from({ length: 40 }, () => 100);
        for (let index = 0; index < 32; index += 8) await confirmRecords(store, marks.slice(index, index + 8));
        await store.seal();
        const head = await confirmRecords(store, marks.slice(32));
        const all = recordTexts((await readAll(store)).batches, null);
        const keep = cut === 0 ? null : { position: cut * 100, mark: `g${head.generation}m${cut * 100 - 99}` };
        await store.cutBack(head, keep, []);
        requireEqual((await store.head()).cursor, keep, `the cursor after a cut at record ${cut}`);
        requireEqual(recordTexts((await readAll(store)).batches, null), all.slice(0, cut), `records up to ${cut}`);
        await confirmRecords(store, [1, 2]);
        await store.seal();
        requireEqual(recordTexts((await readAll(store)).batches, null).length, cut + 2, "records after it grew again");
        store.close();
      }
    },
  },
  {
    rule: "L5",
    name: "cutBack: remembers the end of a dropped log until the log reaches it again",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a"), []);
      const full = await confirmRecords(store, [1, 2]);
      requireEqual(full.droppedEnd, null, "before");
      requireThat(full.cursor !== null, "the log has an end");
      requireEqual(
        (await store.cutBack(full, null, entriesOf("a"), full.cursor))?.droppedEnd ?? null,
        full.cursor,
        "the head that cutBack returns",
      );
      requireEqual((await confirmRecords(store, [2])).droppedEnd, full.cursor, "before that position");
      requireEqual(
        (await (await open()).refresh(ALL)).head.droppedEnd,
        full.cursor,
        "the head in a tab that opens later",
      );
      requireEqual((await confirmRecords(store, [1])).droppedEnd, null, "at its position");
      await store.cutBack(await store.head(), null, [], full.cursor);
      requireEqual(
        (await store.cutBack(await store.head(), null, []))?.droppedEnd ?? null,
        null,
        "after a cut without an end to remember",
      );
    },
  },
  {
    rule: "L5",
    name: "cutBack: keeps rejections, because the app handles them",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a", "b"), []);
      await store.confirm(await store.head(), confirmationOf(null, { rejected: [rejectedOf(1, "a")] }));
      await store.cutBack(await store.head(), null, entriesOf("b"));
      requireEqual((await store.refresh(ALL)).rejectionIds, [commitOf("a").id], "rejections");
    },
  },
];
