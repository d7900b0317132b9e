// A commit that was withdrawn during its push, and whose record arrives: it is a settled commit of this device again.
import { expect, test } from "vitest";
import type { CommitRecord } from "../../../../src/core/history/record.ts";
import { cursorOf } from "../../../../src/core/history/record.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { Engine } from "../../../../src/client/engine/engine.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { resolveDivergence } from "../../../../src/client/sync/resolve-divergence.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { undoTarget } from "../../../../src/client/worker/undo-stack.ts";
import { domain, task } from "../../../support/board-domain.ts";

const openEngine = (database: MemoryDatabase) =>
  Engine.open({
    domain: domain.definition,
    store: memoryLogStore(database),
    env: browserEnv,
    user: "ada",
    synced: true,
    changed: () => {},
    wrote: () => {},
  });

/** The answer of a server that recorded all pending commits. */
function answerTo({ replica }: Engine) {
  let position = replica.cursor?.position ?? 0;
  const records = replica.pending.map(({ commit: { id, client, actor, time, meta }, forecast }): CommitRecord => {
    const events = "events" in forecast ? forecast.events : [];
    const record = {
      position: position + 1,
      mark: `m${position + 1}`,
      commit: id,
      client,
      actor,
      time,
      received: time,
      meta,
      events,
    };
    position += events.length;
    return record;
  });
  const last = records.at(-1);
  const page = {
    after: replica.cursor,
    records,
    cursor: last ? cursorOf(last) : replica.cursor,
    head: position,
    more: false,
  };
  return { page, text: JSON.stringify({ records }), outcomes: [] };
}

/** Two tabs, a recorded task, and a rename of it that is being pushed. */
async function scene() {
  const database = new MemoryDatabase(() => crypto.randomUUID());
  const [leader, other] = [await openEngine(database), await openEngine(database)];
  const added = await leader.execute([task.command.add("t1", { title: "Milk", column: "todo" })], null);
  await leader.confirm(answerTo(leader), 0);
  const renamed = await leader.execute([task.command.rename("t1", { title: "Bread" })], null);
  await other.refresh();
  return {
    leader,
    other,
    added,
    renamed,
    answer: answerTo(leader),
    close: () => Promise.all([leader.close(), other.close()]),
  };
}

test("confirm: a record of a withdrawn commit settles it, for settled(), undo and divergence", async () => {
  const { leader, added, renamed, answer, close } = await scene();
  await leader.withdraw(renamed);
  expect(leader.rejections).toMatchObject([{ outcome: { code: "withdrawn" } }]);
  await leader.confirm(answer, 0);
  expect(leader.rejections).toEqual([]);
  expect(await leader.settled(renamed)).toMatchObject({ outcome: "accepted", position: 2 });
  expect(undoTarget(await leader.store.readSent(null))).toMatchObject({
    requests: [task.command.rename("t1", { title: "Milk" })],
    links: { undoes: renamed, redoes: null },
  });
  const newServer = { pull: async () => ({ kind: "diverged" }) } as unknown as Transport;
  await resolveDivergence(leader, newServer);
  expect(leader.pending.map(({ commit }) => commit.id)).toEqual([added, renamed]);
  await close();
});

test("confirm: the same when another tab withdrew it and the leader did not know", async () => {
  const { leader, other, renamed, answer, close } = await scene();
  await other.withdraw(renamed);
  await leader.confirm(answer, 0);
  await other.refresh();
  expect(other.rejections).toEqual([]);
  expect(await other.settled(renamed)).toMatchObject({ outcome: "accepted", position: 2 });
  await close();
});

test("confirm: the same when the leader's read of the rejections failed before", async () => {
  const { leader, other, renamed, answer, close } = await scene();
  await other.withdraw(renamed);
  const readRejections = leader.store.readRejections.bind(leader.store);
  Object.assign(leader.store, { readRejections: () => Promise.reject(new Error("The disk failed")) });
  await expect(leader.refresh()).rejects.toThrow("The disk failed");
  Object.assign(leader.store, { readRejections });
  await leader.confirm(answer, 0);
  await other.refresh();
  for (const { rejections } of [leader, other]) expect(rejections).toEqual([]);
  expect(await other.settled(renamed)).toMatchObject({ outcome: "accepted", position: 2 });
  await close();
});
