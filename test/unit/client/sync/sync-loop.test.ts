// A device in virtual time: its transport is made here, and reports only what the test makes it report.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Commit } from "../../../../src/core/history/commit.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import type { Transport } from "../../../../src/client/sync/transport.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { type DacapoError, StorageFullError } from "../../../../src/core/values/errors.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Tab } from "../../../support/device.ts";
import { twoNodes } from "../../../support/two-nodes.ts";

let tab: Tab | null = null;
beforeEach(() => void vi.useFakeTimers());
afterEach(async () => {
  await tab?.close();
  vi.useRealTimers();
});

const MINUTE = 60_000;
/** A live device with one task, which its socket has reported. */
async function liveDevice() {
  const nodes = twoNodes();
  tab = await device(domain, "team", "ada").open({ url: "http://nowhere", transport: () => nodes.transport });
  const add = async (id: string) =>
    unwrap(await open.execute([task.command.add(id, { title: id, column: "todo" })], null, null)).commit;
  const open = tab;
  await vi.advanceTimersByTimeAsync(100);
  const first = await add("t1");
  await vi.advanceTimersByTimeAsync(100);
  nodes.report(null);
  await vi.advanceTimersByTimeAsync(100);
  return { nodes, open, add, first, reported: nodes.cursor() };
}

test("P17 sync-loop: a commit that a restore removed before the socket reported it returns", async () => {
  const { nodes, open, add, first } = await liveDevice();
  const second = await add("t2");
  await vi.advanceTimersByTimeAsync(100);
  expect(open.status()).toMatchObject({ position: 2, pending: 0, connection: "live" });
  nodes.restore(1);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(nodes.records().map(({ commit }) => commit)).toEqual([first, second]);
  expect(open.status()).toMatchObject({ position: 2, pending: 0 });
});

test("sync-loop: the same when another commit is at its position by then", async () => {
  const { nodes, open, add, first, reported } = await liveDevice();
  const second = await add("t2");
  await vi.advanceTimersByTimeAsync(100);
  nodes.restore(1);
  const theirs: Commit = {
    id: crypto.randomUUID(),
    client: crypto.randomUUID(),
    actor: "bob",
    time: Date.now(),
    meta: null,
    commands: [
      {
        stream: "task/t9",
        seen: 0,
        reads: [],
        name: "add",
        v: 1,
        input: null,
        events: [{ type: "TaskAdded", v: 1, data: { title: "Bob's", column: "todo" } }],
      },
    ],
  };
  nodes.append(theirs);
  nodes.report(reported);
  await vi.advanceTimersByTimeAsync(MINUTE);
  expect(nodes.records().map(({ commit }) => commit)).toEqual([first, theirs.id, second]);
  expect(open.status()).toMatchObject({ position: 3, pending: 0 });
});

test("sync-loop: the answer to a push from before a divergence changes nothing", async () => {
  const { nodes, open, add, first } = await liveDevice();
  const inner = { ...nodes.transport };
  const push: Transport["push"] = async (...args) => {
    const fetched = await inner.push(...args);
    await new Promise((resolve) => setTimeout(resolve, 20_000));
    return fetched;
  };
  Object.assign(nodes.transport, { push });
  const second = await add("t2");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(nodes.records()).toHaveLength(2);
  nodes.restore(0);
  await vi.advanceTimersByTimeAsync(12_000);
  expect(open.status()).toMatchObject({ pending: 2, position: 0 });
  Object.assign(nodes.transport, inner);
  const before = nodes.calls.length;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(nodes.calls.slice(before)).toEqual(["push"]);
  expect(nodes.records().map(({ commit }) => commit)).toEqual([first, second]);
});

test("sync-loop: a full disk beside a push that failed makes few calls", async () => {
  const { nodes, open, add } = await liveDevice();
  let error: DacapoError = new UnreachableError("Busy", 1, undefined, { code: "overloaded" });
  const pushed: number[] = [];
  Object.assign(nodes.transport, {
    push: () => {
      pushed.push(Date.now());
      return Promise.reject(error);
    },
  });
  await add("t2");
  await vi.advanceTimersByTimeAsync(10);
  error = new StorageFullError({ message: "The disk is full", fix: "Free some space." });
  await vi.advanceTimersByTimeAsync(10 * MINUTE);
  expect(pushed.length).toBeLessThan(60);
  expect(open.status()).toMatchObject({ pending: 1, error: { code: "storage-full" } });
});

test("sync-loop: no call is made while the socket has reported every push", async () => {
  const { nodes, add, reported } = await liveDevice();
  await add("t2");
  await vi.advanceTimersByTimeAsync(4_000);
  nodes.report(reported);
  const before = nodes.calls.length;
  await vi.advanceTimersByTimeAsync(60 * MINUTE);
  expect(nodes.calls.slice(before)).toEqual([]);
});

test("sync-loop: a socket that reports nothing costs no more pulls than no socket", async () => {
  const { nodes, open, add } = await liveDevice();
  await add("t2");
  await vi.advanceTimersByTimeAsync(100);
  const before = nodes.calls.length;
  await vi.advanceTimersByTimeAsync(10 * MINUTE);
  expect(nodes.calls.slice(before).length).toBeLessThanOrEqual(20);
  expect(new Set(nodes.calls.slice(before))).toEqual(new Set(["pull"]));
  expect(open.status()).toMatchObject({ position: 2, pending: 0, connection: "live" });
});

test("status: is not live while answers are lost, and has waitingSince", async () => {
  const { nodes, open, add } = await liveDevice();
  let isLost = true;
  const answered = { ...nodes.transport };
  const lost = async <T>(call: () => Promise<T>): Promise<T> => {
    if (!isLost) return call();
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    throw new UnreachableError("The sync server did not answer", null);
  };
  nodes.transport.push = (...facts) => lost(() => answered.push(...facts));
  nodes.transport.pull = (...facts) => lost(() => answered.pull(...facts));
  expect(open.status()).toMatchObject({ connection: "live", waitingSince: null });
  const since = Date.now();
  await add("t2");
  await vi.advanceTimersByTimeAsync(4_000);
  expect(open.status()).toMatchObject({ pending: 1, waitingSince: since });
  await vi.advanceTimersByTimeAsync(2_000);
  // From here on until the answer, through the failure and the tries after it.
  const sent = open.statuses.length;
  await vi.advanceTimersByTimeAsync(3 * MINUTE);
  const connections = open.statuses.slice(sent).map(({ connection }) => connection);
  expect(connections).not.toContain("live");
  expect(open.status()).toMatchObject({ pending: 1, waitingSince: since });
  isLost = false;
  await vi.advanceTimersByTimeAsync(2 * MINUTE);
  expect(open.status()).toMatchObject({ pending: 0, waitingSince: null, connection: "live" });
});

test("status: work whose pushes get no answer has waitingSince, and is named as stuck later", async () => {
  const { nodes, open, add } = await liveDevice();
  nodes.transport.push = async () => {
    await new Promise((resolve) => setTimeout(resolve, 30_000));
    throw new UnreachableError("The sync server did not answer", null);
  };
  const since = Date.now();
  const commit = await add("t2");
  await vi.advanceTimersByTimeAsync(5 * MINUTE);
  expect(open.status()).toMatchObject({ pending: 1, waitingSince: since, error: { code: "unreachable" } });
  expect(open.status().stuck).toMatchObject({ commit, status: null });
});
