/** S20: the turns of two nodes on one store, for a store that has turns. */
import type { EventStore, LogTurn } from "../../sync-server/stores/event-store.ts";
import { follow, rowsOf } from "../model-store/samples.ts";
import { requireEqual, requireThat } from "../require.ts";
import type { NodeRule } from "./node-rules.ts";
import { batch, commitId, recordsAfter, write } from "./samples.ts";

/** Long enough that an append of another node, if it does not wait, ends before the turn. */
const TURN_MS = 200;

type TakeTurn = <Result>(log: string, work: (turn: LogTurn) => Promise<Result>) => Promise<Result>;

export const turnRules: readonly NodeRule[] = [
  {
    rule: "S20",
    name: "takeTurn: another node appends only after the turn, and turns come one after the other",
    check: ([one, other]) =>
      withTurns(one, other, async (takeTurn, takeOther) => {
        const order: string[] = [];
        const begun = Promise.withResolvers<null>();
        const head = await write(one, "log", null, { commit: 1 });
        const turn = takeTurn("log", async (own) => {
          begun.resolve(null);
          await new Promise((resolve) => setTimeout(resolve, TURN_MS));
          requireEqual(await own.head("log"), { kind: "open", cursor: head }, "the head in the turn");
          const result = await own.append("log", batch(head, { records: recordsAfter(head, [{ commit: 2 }]) }));
          order.push("turn");
          return result;
        });
        await begun.promise;
        const late = batch(head, { records: recordsAfter(head, [{ commit: 3 }]) });
        const appended = other.append("log", late).then((result) => (order.push("append"), result));
        const second = takeOther("log", async (own) => (order.push("second turn"), own.head("log")));
        const after = { position: 2, mark: "mark2" };
        requireEqual(await turn, { kind: "ok" }, "the append of the turn");
        requireEqual(await appended, { kind: "moved", head: after }, "the append of the other node");
        requireEqual(await second, { kind: "open", cursor: after }, "the head in the second turn");
        requireEqual(order[0] ?? null, "turn", "the first of the three");
      }),
  },
  {
    rule: "S20",
    name: "takeTurn: a turn that fails rejects with its error, and the other node can append",
    check: ([one, other]) =>
      withTurns(one, other, async (takeTurn) => {
        const head = await write(one, "log", null, { commit: 1 });
        const error = new Error("the work failed");
        const turn = takeTurn("log", async (own) => {
          await own.append("log", batch(head, { records: recordsAfter(head, [{ commit: 2 }]) }));
          throw error;
        });
        requireThat((await turn.catch((reason: unknown) => reason)) === error, "the error of the work");
        const found = await other.head("log");
        const end = found.kind === "open" ? found.cursor : null;
        const next = batch(end, { records: recordsAfter(end, [{ commit: 3 }]) });
        requireEqual(await other.append("log", next), { kind: "ok" }, "the append of the other node");
      }),
  },
  {
    rule: "S20",
    name: "takeTurn: a turn reads what the log has, and the other node reads what the turn wrote",
    check: ([one, other]) =>
      withTurns(one, other, async (takeTurn) => {
        const head = await write(other, "log", null, { commit: 1 });
        const models = other.models && rowsOf(follow("f", 0, { at: head, tables: { rows: "new" } }), { a: "1" });
        if (models) await other.models?.write("log", models);
        const [record] = recordsAfter(head, [{ commit: 2 }]);
        requireThat(record !== undefined, "a record to write");
        const written = await takeTurn("log", async (own) => {
          const page = await own.read("log", null, { events: 10, bytes: 1_000 });
          requireThat(page.kind === "page" && page.records.length === 1, "the record before the turn");
          requireThat(
            (await own.readStream("log", "task/t1", 0, { events: 10, bytes: 1_000 })).length === 1,
            "a stream",
          );
          requireEqual([...(await own.written("log", ["task/t1", "task/t2"]))], ["task/t1"], "the written streams");
          requireThat((await own.known("log", [commitId(1), commitId(2)])).size === 1, "the known commit");
          const range = { from: null, to: null, after: null, limit: 10, bytes: 1_000 };
          const rows = await own.models?.rows("log", "f", "rows", range);
          requireEqual((rows?.rows ?? []).length, models ? 1 : 0, "the rows of a read model");
          const next = models && { models: rowsOf(follow("f", 1, { at: record.cursor }), { b: "2" }) };
          return own.append("log", { ...batch(head, { records: [record] }), ...next });
        });
        requireEqual(written, { kind: "ok" }, "the append of the turn");
        requireEqual(await other.head("log"), { kind: "open", cursor: record.cursor }, "the head after the turn");
        const followers = await other.models?.followers("log");
        const revision = followers?.kind === "open" ? followers.followers[0]?.revision : 2;
        requireEqual(revision ?? null, 2, "the revision of the follower");
      }),
  },
];

/** A store without turns has nothing to check. */
async function withTurns(
  one: EventStore,
  other: EventStore,
  check: (takeTurn: TakeTurn, takeOther: TakeTurn) => Promise<void>,
): Promise<void> {
  if (!one.takeTurn || !other.takeTurn) return;
  await check(one.takeTurn.bind(one), other.takeTurn.bind(other));
}
