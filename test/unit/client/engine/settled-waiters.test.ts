// Calls that wait for the end of a commit, in this tab and in another one.
import { expect, test } from "vitest";
import { SettledWaiters } from "../../../../src/client/engine/settled-waiters.ts";
import { MemoryDatabase } from "../../../../src/client/stores/memory/database.ts";
import { memoryLogStore } from "../../../../src/client/stores/memory-log-store.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { openTab } from "../../../support/engine/open-tab.ts";
import { RecordingServer } from "../../../support/engine/recording-server.ts";

const add = (id: string) => task.command.add(id, { title: id, column: "todo" });

/** Two tabs of one device; each has one commit that both know. */
async function twoTabs() {
  const database = new MemoryDatabase(() => crypto.randomUUID());
  const [leader, other] = [(await openTab(domain, database)).engine, (await openTab(domain, database)).engine];
  const first = await leader.execute([add("t1")], null);
  const second = await leader.execute([add("t2")], null);
  await other.refresh();
  return { database, leader, other, first, second, server: new RecordingServer() };
}

test("settled: every call hears the outcome once it is durable, in each tab", async () => {
  const { leader, other, first, second, server } = await twoTabs();
  const here = [leader.settled(first), leader.settled(first), leader.settled(second)];
  const there = [other.settled(second), other.settled(first)];
  await leader.withdraw(second);
  await server.sync(leader);
  await other.refresh();
  const accepted = { outcome: "accepted", commit: first, position: 1 };
  const rejected = { outcome: "rejected", commit: second, code: "withdrawn", command: 0 };
  expect(await Promise.all(here)).toMatchObject([accepted, accepted, rejected]);
  expect(await Promise.all(there)).toMatchObject([rejected, accepted]);
  // Calls after the end read it from the store.
  expect(await other.settled(first)).toEqual(accepted);
  expect(await other.settled(second)).toMatchObject(rejected);
});

test("settled, withdraw: know a commit that another tab has just made", async () => {
  const { leader, other, server } = await twoTabs();
  const third = await leader.execute([add("t3")], null);
  const waiting = other.settled(third);
  const fourth = await leader.execute([add("t4")], null);
  await other.withdraw(fourth);
  await leader.refresh();
  expect(leader.rejections.map(({ commit }) => commit.id)).toEqual([fourth]);
  await server.sync(leader);
  await other.refresh();
  expect(await waiting).toEqual({ outcome: "accepted", commit: third, position: 3 });
});

test("settled: says which inputs an older server dropped, and nothing if there are none", async () => {
  const { leader, first, second, server } = await twoTabs();
  const answer = await server.decide(leader);
  const outcomes = answer.outcomes.map((outcome) =>
    outcome.id === first ? { ...outcome, dropped: ["add.x"] } : outcome,
  );
  const waiting = leader.settled(first);
  await leader.confirm({ ...answer, outcomes }, leader.head.generation);
  const expected = { outcome: "accepted", commit: first, position: 1, dropped: ["add.x"] };
  expect(await waiting).toEqual(expected);
  expect(await leader.settled(first)).toEqual(expected);
  expect(await leader.settled(second)).toEqual({ outcome: "accepted", commit: second, position: 2 });
});

test("settled: rejects for a commit that this device never had, and for one that is gone", async () => {
  const { leader, other, first, second, server } = await twoTabs();
  const unknown = { code: "rejected", details: { code: "unknown-commit" } };
  await server.sync(leader);
  await expect(leader.settled("00000000-0000-4000-8000-000000000000")).rejects.toMatchObject(unknown);
  const third = await leader.execute([add("t3")], null);
  await other.refresh();
  const waiting = other.settled(third);
  await leader.withdraw(third);
  await leader.discard(third);
  await other.refresh();
  await expect(waiting).rejects.toMatchObject({ ...unknown, details: { code: "unknown-commit", commit: third } });
  expect(await other.settled(first)).toMatchObject({ outcome: "accepted" });
  expect(await other.settled(second)).toMatchObject({ position: 2 });
});

test("settled: a call for a pending commit continues to wait after another commit settled", async () => {
  const { leader, first, second, server } = await twoTabs();
  const waiting = leader.settled(second);
  await leader.withdraw(first);
  await leader.refresh();
  await server.sync(leader);
  expect(await waiting).toMatchObject({ outcome: "accepted", commit: second });
});

test("settled: waits for a commit that came from another tab during the look into the store", async () => {
  const store = memoryLogStore(new MemoryDatabase(() => crypto.randomUUID()));
  let isPending = false;
  const waiters = new SettledWaiters(store, () => isPending);
  const readSent = store.readSent.bind(store);
  Object.assign(store, {
    readSent: (numbers: readonly number[] | null) => {
      isPending = true;
      return readSent(numbers);
    },
  });
  const waiting = waiters.wait("c1");
  await new Promise((resolve) => setTimeout(resolve));
  waiters.settle({ outcome: "accepted", commit: "c1", position: 4 });
  expect(await waiting).toEqual({ outcome: "accepted", commit: "c1", position: 4 });
});
