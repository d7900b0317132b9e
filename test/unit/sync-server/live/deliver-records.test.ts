// The records that each socket of a room gets: frames, a page by its own cursor, or a hint.
import { expect, test, vi } from "vitest";
import { type Cursor, encodeCursor } from "../../../../src/core/history/record.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { Observer } from "../../../../src/sync-server/base/observer.ts";
import type { Telemetry } from "../../../../src/sync-server/base/telemetry.ts";
import { RecordDelivery } from "../../../../src/sync-server/live/deliver-records.ts";
import { Member } from "../../../../src/sync-server/live/member.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { appendedAfter, appendTo, fakeSocket, hintsIn, positionsIn, settled } from "../../../support/live-scene.ts";

const BUDGET = 1_000;
const NOW = 61_000;
const at = (position: number): Cursor | null => (position === 0 ? null : { position, mark: `m${position}` });

/** The delivery of a room with sockets at some cursors, over a memory store. */
function room(positions: readonly number[], { pageEventsMax = 2, frameBytesMax = 100_000 } = {}) {
  const store = memory();
  const read = vi.spyOn(store, "read");
  const errors: unknown[] = [];
  const heads: (Cursor | null)[] = [];
  const lags: number[] = [];
  const members = new Set<Member>();
  const sockets = positions.map((position) => {
    const cursor = at(position);
    const socket = fakeSocket();
    const facts = { log: "board", principal: { actor: "ada" }, presence: null };
    const member = new Member(socket, { ...facts, cursor: cursor && encodeCursor(cursor) }, NOW);
    members.add(member);
    return { socket, member };
  });
  const spans: string[] = [];
  const telemetry: Telemetry = {
    startSpan: (name) => {
      spans.push(name);
      return { run: (work) => work(), set: () => {}, end: () => {} };
    },
    record: (name, value) => void (name === "frame.lag" && lags.push(value)),
  };
  const delivery = new RecordDelivery({
    log: "board",
    store,
    limits: { ...SERVER_LIMITS, pageEventsMax, frameBytesMax, socketBufferBytesMax: BUDGET },
    report: (error) => errors.push(error),
    isMember: (member) => members.has(member),
    observer: new Observer({ telemetry }, () => NOW),
    onHead: (head) => heads.push(head),
  });
  const [first] = sockets;
  if (!first) throw new Error("The room has no socket");
  return { delivery, store, read, errors, heads, lags, spans, members, sockets, ...first };
}
const typesIn = ({ frames }: ReturnType<typeof fakeSocket>) => frames.map(({ type }) => type);

test("deliver: sockets at the end of the log get the same frames, and keep their new cursor", () => {
  const { delivery, members, sockets, read, lags } = room([3, 3]);
  delivery.deliver(members, appendedAfter(at(3), 5));
  for (const { socket } of sockets) {
    expect([positionsIn(socket), typesIn(socket)]).toEqual([
      [4, 5, 6, 7, 8],
      ["records", "records", "records"],
    ]);
    expect(socket.saved).toMatchObject([{ cursor: "8-m8" }]);
    expect(socket.terminated).toBe(0);
  }
  expect(read).not.toHaveBeenCalled();
  // Each frame reports how long its oldest record took: 60 seconds.
  expect(lags).toEqual([60, 60, 60, 60, 60, 60]);
});

test("P18 deliver: a socket over its budget gets one hint, and a second one when it has drained", () => {
  const { delivery, members, socket, member, lags } = room([3]);
  socket.bufferedBytes = BUDGET + 1;
  delivery.deliver(members, appendedAfter(at(3), 3));
  delivery.deliver(members, appendedAfter(at(6), 1));
  expect([typesIn(socket), hintsIn(socket), lags]).toEqual([["head"], [6], []]);
  expect(socket.saved.at(-1)).toMatchObject({ cursor: "7-m7" });
  socket.bufferedBytes = BUDGET;
  delivery.drain(member, at(7));
  delivery.drain(member, at(7));
  expect([hintsIn(socket), socket.terminated]).toEqual([[6, 7], 0]);
  delivery.deliver(members, appendedAfter(at(7), 1));
  expect(positionsIn(socket)).toEqual([8]);
});

test("P18 deliver: a socket is terminated above four budgets, and not at four", () => {
  const { delivery, members, sockets } = room([3, 3]);
  const [full, over] = sockets.map(({ socket }) => socket);
  if (full) full.bufferedBytes = 4 * BUDGET;
  if (over) over.bufferedBytes = 4 * BUDGET + 1;
  delivery.deliver(members, appendedAfter(at(3), 1));
  expect([full?.terminated, full?.saved.length]).toEqual([0, 1]);
  expect([over?.terminated, over?.saved.length]).toEqual([1, 0]);
});

test("catchUp: a new socket gets a page after its cursor, and a hint for the rest", async () => {
  const { delivery, store, member, socket, read, heads } = room([1]);
  await appendTo(store, 6);
  delivery.catchUp(member, { kind: "joined" });
  await settled();
  expect([positionsIn(socket), hintsIn(socket), heads]).toEqual([[2, 3], [6], [at(6)]]);
  expect(socket.frames[0]).toMatchObject({ after: at(1), cursor: at(3), head: 6, more: true });
  expect(read.mock.calls).toEqual([["board", at(1), { events: 2, bytes: 100_000 }]]);
  expect(socket.saved).toMatchObject([{ cursor: "6-m6" }]);
});

test("catchUp: a socket at the end of the log gets nothing, and its cursor is saved", async () => {
  const { delivery, store, member, socket, spans } = room([2]);
  await appendTo(store, 2);
  delivery.catchUp(member, { kind: "joined" });
  await settled();
  expect([socket.frames, socket.saved.length, socket.closed]).toEqual([[], 1, []]);
  delivery.catchUp(member, { kind: "head", head: at(2) });
  await settled();
  expect([socket.saved.length, socket.terminated, spans]).toEqual([1, 0, ["catch_up"]]);
});

test("deliver: a socket that is behind gets the records by its own cursor, in order", async () => {
  const { delivery, store, members, sockets } = room([0, 2], { pageEventsMax: 10 });
  await appendTo(store, 2);
  const appended = await appendTo(store, 2);
  delivery.deliver(members, appended);
  await settled();
  const [behind, current] = sockets.map(({ socket }) => socket);
  expect([behind && positionsIn(behind), current && positionsIn(current)]).toEqual([
    [1, 2, 3, 4],
    [3, 4],
  ]);
});

test("deliver: an append during a read is read too, and sent once", async () => {
  const { delivery, store, members, member, socket, read } = room([0], { pageEventsMax: 10 });
  await appendTo(store, 2);
  const page = await store.read("board", null, { events: 10, bytes: 100_000 });
  let release = (): void => {};
  read.mockImplementationOnce(() => new Promise((resolve) => (release = () => resolve(page))));
  delivery.catchUp(member, { kind: "joined" });
  // A socket that reads is not judged by its buffer, and nothing is saved until its page is sent.
  socket.bufferedBytes = 5 * BUDGET;
  delivery.deliver(members, await appendTo(store, 1));
  expect([socket.terminated, socket.saved]).toEqual([0, []]);
  socket.bufferedBytes = 0;
  release();
  await settled();
  expect([positionsIn(socket), hintsIn(socket), read.mock.calls.length]).toEqual([[1, 2, 3], [], 3]);
});

test("catchUp: a slow socket gets a hint instead of its page", async () => {
  const { delivery, store, member, socket } = room([0]);
  await appendTo(store, 2);
  socket.bufferedBytes = BUDGET + 1;
  delivery.catchUp(member, { kind: "joined" });
  await settled();
  expect([positionsIn(socket), hintsIn(socket)]).toEqual([[], [2]]);
  socket.bufferedBytes = 0;
  delivery.drain(member, at(5));
  expect(hintsIn(socket)).toEqual([2, 5]);
});

test("P17 catchUp: a socket of another history or a dropped log gets a goodbye alone", async () => {
  const diverged = room([7]);
  await appendTo(diverged.store, 2);
  diverged.delivery.catchUp(diverged.member, { kind: "joined" });
  await settled();
  expect([diverged.socket.frames, diverged.socket.closed]).toEqual([
    [{ type: "bye", code: "diverged" }],
    [[1000, "diverged"]],
  ]);
  const gone = room([1]);
  await appendTo(gone.store, 2);
  await gone.store.drop("board");
  gone.delivery.catchUp(gone.member, { kind: "joined" });
  await settled();
  expect([gone.socket.frames, gone.heads, gone.socket.saved]).toEqual([[{ type: "bye", code: "gone" }], [], []]);
});

test("catchUp: a socket of an absent log waits for its first record", async () => {
  const { delivery, store, member, members, socket } = room([0]);
  delivery.catchUp(member, { kind: "joined" });
  await settled();
  expect([socket.frames, socket.closed]).toEqual([[], []]);
  delivery.deliver(members, await appendTo(store, 1));
  expect(positionsIn(socket)).toEqual([1]);
});

test("catchUp: a socket that left or was closed during the read gets nothing", async () => {
  for (const end of ["leaves", "is closed"]) {
    const { delivery, store, member, members, socket, heads } = room([0]);
    await appendTo(store, 2);
    delivery.catchUp(member, { kind: "joined" });
    if (end === "leaves") members.delete(member);
    else member.close("forbidden");
    await settled();
    expect([positionsIn(socket), socket.saved, heads], end).toEqual([[], [], []]);
  }
});

test("catchUp: a read that fails is reported, and the next signal reads again", async () => {
  const { delivery, store, member, socket, errors, read } = room([0]);
  await appendTo(store, 2);
  const failure = new Error("the disk is slow");
  read.mockRejectedValueOnce(failure);
  delivery.catchUp(member, { kind: "joined" });
  await settled();
  expect([errors, socket.frames]).toEqual([[failure], []]);
  delivery.catchUp(member, { kind: "head", head: at(2) });
  await settled();
  expect(positionsIn(socket)).toEqual([1, 2]);
});
