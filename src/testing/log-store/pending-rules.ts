/** L1 to L3: the store keeps a person's commits, in order, each under its own number. */
import {
  ALL,
  commitOf,
  confirmationOf,
  confirmRecords,
  entriesOf,
  entryOf,
  requireFailure,
  nameOf,
  recordOf,
  rejectedOf,
  settledOf,
} from "./fixtures.ts";
import { requireEqual } from "../require.ts";
import type { LogStoreRule } from "./rule.ts";

export const pendingRules: readonly LogStoreRule[] = [
  {
    rule: "L1",
    name: "appendPending: a tab that opens later reads each entry unchanged",
    async check({ open }) {
      const first = await open();
      const at = { position: 7, mark: "m7" };
      requireEqual(await first.appendPending(0, [entryOf("a"), entryOf("b", at)], []), true, "the append");
      const { client } = await first.head();
      first.close();
      const later = await open();
      requireEqual(
        (await later.refresh(ALL)).pending,
        [
          { n: 1, ...entryOf("a") },
          { n: 2, ...entryOf("b", at) },
        ],
        "pending entries",
      );
      requireEqual(
        await later.head(),
        { client, generation: 0, rebuilds: 0, cursor: null, droppedEnd: null, pendingTail: 2 },
        "the head",
      );
    },
  },
  {
    rule: "L1",
    name: "confirm, cutBack: a failed write stores nothing",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a"), []);
      const head = await confirmRecords(store, [2]);
      const before = await store.refresh(ALL);
      const gap = {
        after: { position: 5, mark: "m5" },
        cursor: { position: 6, mark: "m6" },
        text: JSON.stringify({ records: [recordOf(6, 1, "m6")] }),
      };
      await requireFailure(
        "bug",
        store.confirm(head, confirmationOf(gap, { settled: [settledOf(1, "a")] })),
        "records that do not follow",
      );
      await requireFailure(
        "bug",
        store.cutBack(head, { position: 1, mark: "m1" }, entriesOf("x")),
        "a cut inside a record",
      );
      await requireFailure(
        "bug",
        store.cutBack(head, { position: 2, mark: "other" }, entriesOf("x")),
        "a cut at another history's mark",
      );
      requireEqual(await store.refresh(ALL), before, "the stored state");
      requireEqual(await store.readSent(null), [], "sent entries");
    },
  },
  {
    rule: "L2",
    name: "appendPending: a tab with a stale tail appends nothing and removes no rejection",
    async check({ open }) {
      const [here, there] = [await open(), await open()];
      await here.appendPending(0, entriesOf("a", "no"), []);
      await here.confirm(await here.head(), confirmationOf(null, { rejected: [rejectedOf(1, "a")] }));
      requireEqual(
        await there.appendPending(0, entriesOf("b"), [commitOf("a").id]),
        false,
        "the append on a stale tail",
      );
      const seen = await there.refresh(ALL);
      requireEqual([seen.pending.map(nameOf), seen.rejectionIds], [["no"], [commitOf("a").id]], "the stored state");
      requireEqual(
        await there.appendPending(2, entriesOf("b"), [commitOf("a").id]),
        true,
        "the append on the current tail",
      );
      requireEqual(
        (await here.refresh({ position: 0, pendingTail: 2 })).pending.map(nameOf),
        ["b"],
        "pending entries in the first tab",
      );
      requireEqual(await here.readRejections(), [], "rejections");
    },
  },
  {
    rule: "L2",
    name: "appendPending: a stale tail is refused also after the newer entries settled",
    async check({ open }) {
      const [here, there] = [await open(), await open()];
      await here.appendPending(0, entriesOf("a"), []);
      await here.appendPending(1, entriesOf("b"), []);
      await here.confirm(await here.head(), confirmationOf(null, { settled: [settledOf(1, "a"), settledOf(2, "b")] }));
      requireEqual(await there.appendPending(0, entriesOf("c"), []), false, "on the tail 0");
      requireEqual(await there.appendPending(1, entriesOf("c"), []), false, "on the tail 1");
      requireEqual(await there.appendPending(2, entriesOf("c"), []), true, "on the tail 2");
    },
  },
  {
    rule: "L2",
    name: "appendPending: a tab that decided before cutBack appends nothing",
    async check({ open }) {
      const [leader, tab] = [await open(), await open()];
      await leader.appendPending(0, entriesOf("a"), []);
      const tail = (await tab.head()).pendingTail;
      const head = await leader.cutBack(await leader.head(), null, []);
      requireEqual(await tab.appendPending(tail, entriesOf("b"), []), false, "the append on the old generation");
      requireEqual((await tab.refresh(ALL)).head, head, "the head");
      requireEqual(
        await tab.appendPending(head?.pendingTail ?? -1, entriesOf("b"), []),
        true,
        "the append on the new generation",
      );
    },
  },
  {
    rule: "L2",
    name: "appendPending: refuses a tail that this database never had",
    async check({ open }) {
      const store = await open();
      requireEqual(await store.appendPending(3, entriesOf("a"), []), false, "the append");
      requireEqual((await store.head()).pendingTail, 0, "the tail");
    },
  },
  {
    rule: "L2",
    name: "appendPending: a repeated append returns true and stores nothing, by its commit ids",
    async check({ open }) {
      const [tab, leader] = [await open(), await open()];
      const group = entriesOf("a", "b");
      const again = (what: string) =>
        tab.appendPending(0, group, []).then((appended) => requireEqual(appended, true, `the append, ${what}`));
      await again("the first time");
      await again("while all is pending");
      await confirmRecords(leader, [1], { settled: [settledOf(1, "a")] });
      await again("after one was accepted");
      await leader.confirm(await leader.head(), confirmationOf(null, { rejected: [rejectedOf(2, "b")] }));
      await again("after the other was rejected");
      await leader.cutBack(await leader.head(), null, entriesOf("a"));
      await leader.removeRejections([commitOf("b").id]);
      await again("after histories diverged");
      requireEqual((await leader.refresh(ALL)).pending.map(nameOf), ["a"], "pending entries");
      requireEqual(await tab.appendPending(0, entriesOf("c"), []), false, "another append on the old tail");
    },
  },
  {
    rule: "L3",
    name: "appendPending: numbers follow the tail, and a number is never used twice",
    async check({ open }) {
      const store = await open();
      await store.appendPending(0, entriesOf("a", "b"), []);
      requireEqual(
        await store.confirm(
          await store.head(),
          confirmationOf(null, { settled: [settledOf(1, "a"), settledOf(2, "b")] }),
        ),
        true,
        "the confirmation",
      );
      store.close();
      const later = await open();
      const { head, pending, pendingNumbers } = await later.refresh(ALL);
      requireEqual([head.pendingTail, pending, pendingNumbers], [2, [], []], "the tail, and nothing pending");
      await later.appendPending(2, entriesOf("c"), []);
      requireEqual((await later.refresh(ALL)).pendingNumbers, [3], "the next number");
    },
  },
  {
    rule: "L3",
    name: "appendPending: tabs that append at the same time get distinct numbers in one order",
    async check({ open }) {
      const tabs = [await open(), await open(), await open()];
      const made: string[][] = await Promise.all(
        tabs.map(async (store, tab) => {
          const names: string[] = [];
          for (let tail = 0; names.length < 12;) {
            const name = `${tab}.${names.length}`;
            if (await store.appendPending(tail, entriesOf(name), [])) names.push(name);
            tail = (await store.head()).pendingTail;
          }
          return names;
        }),
      );
      const { pending } = await (await open()).refresh(ALL);
      requireEqual(
        pending.map(({ n }) => n),
        Array.from({ length: 36 }, (_, index) => index + 1),
        "numbers",
      );
      const stored = pending.map(nameOf);
      made.forEach((names, tab) =>
        requireEqual(
          stored.filter((name) => name.startsWith(`${tab}.`)),
          names,
          "a tab's own order",
        ),
      );
    },
  },
];
