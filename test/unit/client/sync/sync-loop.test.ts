// A device in virtual time: its transport is made here, and reports only what the test makes it report.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Commit } from "../../../../src/core/history/commit.ts";
import type { Page } from "../../../../src/core/wire/messages.ts";
import type { CommitRecord, Cursor } from "../../../../src/core/history/record.ts";
import { UnreachableError } from "../../../../src/client/sync/unreachable-error.ts";
import type { SocketEvents, Transport } from "../../../../src/client/sync/transport.ts";
import { unwrap } from "../../../../src/client/messages/worker-messages.ts";
import { type DacapoError, StorageFullError } from "../../../../src/core/values/errors.ts";
import { domain, task } from "../../../support/board-domain.ts";
import { device, type Tab } from "../../../support/device.ts";

let tab: Tab | null = null;
beforeEach(() => void vi.useFakeTimers());
afterEach(async () => {
  await tab?.close();
  vi.useRealTimers();
});

const MINUTE = 60_000;
const cursorOf = ({ position, mark }: CommitRecord): Cursor => ({ position, mark });

/** A log that any node may write, and the socket of a node that reports only with `report`. */
function twoNodes() {
  let records: CommitRecord[] = [];
  let marks = 0;
  let socket: SocketEvents | null = null;
  const calls: ("push" | "pull")[] = [];
  const place = (cursor: Cursor | null) =>
    cursor === null
      ? 0
      : records.findIndex(({ position, mark }) => position === cursor.position && mark === cursor.mark) + 1;
  const pageAfter = (after: Cursor | null): Page => {
    const rest = records.slice(place(after));
    const last = rest.at(-1);
    return { after, records: rest, cursor: last ? cursorOf(last) : after, head: records.length, more: false };
  };
  const isHere = (cursor: Cursor | null) => cursor === null || place(cursor) > 0;
  const record = ({ id, client, actor, time, meta, commands: [command] }: Commit): CommitRecord => {
    const stream = command?.stream ?? "";
    const events = (command?.events ?? []).map(({ type, v, data }) => ({ type, v, stream, version: 1, data }));
    return {
      position: records.length + 1,
      mark: (++marks).toString(16).padStart(16, "0"),
      commit: id,
      client,
      actor,
      time,
      received: Date.now(),
      meta,
      events,
    };
  };
  const transport: Transport = {
    push: (after, _domain, commits) => {
      calls.push("push");
      if (!isHere(after)) return Promise.resolve({ kind: "diverged" });
      for (const commit of commits) if (!records.some((one) => one.commit === commit.id)) records.push(record(commit));
      const page = pageAfter(after);
      const outcomes = commits.map(({ id }) => {
        const own = records.find(({ commit }) => commit === id);
        return own ? ({ id, outcome: "recorded", at: cursorOf(own) } as const) : ({ id, outcome: "empty" } as const);
      });
      return Promise.resolve({ kind: "answer", answer: { ...page, outcomes }, text: JSON.stringify(page) });
    },
    pull: (after) => {
      calls.push("pull");
      if (!isHere(after)) return Promise.resolve({ kind: "diverged" });
      const page = pageAfter(after);
      return Promise.resolve({ kind: "answer", answer: page, text: JSON.stringify(page) });
    },
    info: () => Promise.reject(new Error("No limits are read for small pushes")),
    live: (_after, events) => {
      socket = events;
      queueMicrotask(events.opened);
      return { setPresence: () => {}, close: () => {} };
    },
  };
  return {
    transport,
    calls,
    /** The log goes back to its first records. */
    restore: (kept: number) => (records = records.slice(0, kept)),
    /** Another device appends through a node without a socket of this device. */
    append: (commit: Commit) => records.push(record(commit)),
    /** The socket's node read the log, and reports all records behind a cursor. */
    report: (after: Cursor | null) => {
      const page = pageAfter(after);
      socket?.records(page, JSON.stringify(page));
    },
    cursor: () => {
      const last = records.at(-1);
      return last ? cursorOf(last) : null;
    },
    records: () => records,
  };
}

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
