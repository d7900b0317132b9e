// The live hub with fake sockets and a fake clock: slow clients, sleep and silence.
import { beforeEach, expect, test } from "vitest";
import type { ServerFrame } from "../../../../src/core/wire/messages.ts";
import { parseServerFrame } from "../../../../src/core/wire/read-messages.ts";
import { type Cursor, encodeCursor } from "../../../../src/core/history/record.ts";
import { createLiveHub, type LiveHub } from "../../../../src/sync-server/live/hub.ts";
import type { LiveAttachment, LiveConnection, LiveSocket } from "../../../../src/sync-server/live/server-socket.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import type { Appended } from "../../../../src/sync-server/writer/admit-push.ts";
import type { EventStore, StoredRecord } from "../../../../src/sync-server/stores/event-store.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { parseOwnJson } from "../../../support/own-json.ts";

type FakeSocket = LiveSocket & {
  bufferedBytes: number;
  readonly frames: ServerFrame[];
  ended: string | null;
  saved: LiveAttachment | null;
};

function fakeSocket(): FakeSocket {
  return {
    frames: [],
    bufferedBytes: 0,
    ended: null,
    saved: null,
    send(text) {
      const frame = parseServerFrame(text);
      if (!frame.ok) throw new Error(`The hub sent an invalid frame: ${text}`);
      this.frames.push(frame.value);
    },
    close(_, reason) {
      this.ended ??= reason;
    },
    terminate() {
      this.ended ??= "terminated";
    },
    save(attachment) {
      this.saved = attachment;
    },
  };
}

let store: EventStore;
let head: Cursor | null;
let now: number;
let timers: { at: number; run: () => void }[];
let hub: LiveHub;
let reads: number;

beforeEach(() => {
  store = memory();
  const read = store.read.bind(store);
  store.read = (...facts) => {
    reads++;
    return read(...facts);
  };
  [head, now, timers, reads] = [null, 1_000_000, [], 0];
  hub = newHub();
});

function newHub(ticks = true): LiveHub {
  return createLiveHub({
    store,
    ticks,
    limits: { ...SERVER_LIMITS, socketsPerActorMax: 1_000, socketBufferBytesMax: 1_000, frameBytesMax: 2_000 },
    env: {
      now: () => now,
      randomBytes: (count) => new Uint8Array(count),
      setTimer: (run, ms) => (timers.push({ at: now + ms, run }), () => {}),
      nextTurn: () => Promise.resolve(),
    },
    checkReader: () => Promise.resolve(),
    tokenReader: () => Promise.resolve({ actor: "ada" }),
    report: (error) => {
      throw error;
    },
  });
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

async function advance(ms: number): Promise<void> {
  for (const end = now + ms; now < end;) {
    now = Math.min(end, now + 500);
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { run } of due) run();
    await settled();
  }
}

/** Appends records as the writer does, of `size` characters each. An append of another node is not published. */
async function append(count: number, { size = 100, elsewhere = false } = {}): Promise<void> {
  const after = head;
  const records: StoredRecord[] = [];
  for (let n = 0; n < count; n++) {
    const position: number = (head?.position ?? 0) + 1;
    const commit = crypto.randomUUID();
    head = { position, mark: commit.slice(0, 8) };
    const record = {
      position,
      mark: head.mark,
      commit,
      client: commit,
      actor: "ada",
      time: 1,
      received: 1,
      meta: null,
      events: [{ type: "E", v: 1, stream: "task/t1", version: position, data: "x".repeat(size) }],
    };
    records.push({
      position,
      cursor: head,
      commit,
      actor: "ada",
      streams: [{ stream: "task/t1", first: position, last: position }],
      text: JSON.stringify(record),
    });
  }
  await store.append("board", {
    expected: after,
    records,
    outcomes: [],
    forgetOutcomesBefore: 0,
    outcomesPerActorMax: 10,
  });
  const appended: Appended = { after, records, head };
  if (!elsewhere) hub.publish("board", appended);
  await settled();
}

async function join(after: Cursor | null = head): Promise<{ socket: FakeSocket; connection: LiveConnection }> {
  const socket = fakeSocket();
  const connection = hub.join(socket, {
    log: "board",
    cursor: after && encodeCursor(after),
    principal: { actor: "ada" },
    presence: null,
  });
  await settled();
  return { socket, connection };
}

/** The positions of the records that a socket got. */
const got = ({ frames }: FakeSocket) =>
  frames.flatMap((frame) => (frame.type === "records" ? frame.records.map(({ position }) => position) : []));
const hints = ({ frames }: FakeSocket) => frames.flatMap((frame) => (frame.type === "head" ? [frame.head] : []));

test("publish: an append of this node reaches 1,000 sockets without a read of the store", async () => {
  await append(1);
  const sockets = await Promise.all(Array.from({ length: 1_000 }, () => join()));
  reads = 0;
  await append(2);
  await append(1);
  await advance(50);
  expect(sockets.every(({ socket }) => got(socket).join() === "2,3,4")).toBe(true);
  expect(reads).toBe(0);
});

test("publish: the first append goes out at once, the next ones together and in order", async () => {
  const { socket } = await join();
  await append(1);
  expect([got(socket), socket.frames.length]).toEqual([[1], 1]);
  reads = 0;
  for (let n = 0; n < 5; n++) await append(1);
  expect(socket.frames.length).toBe(1);
  await advance(50);
  expect([got(socket), socket.frames.length, reads]).toEqual([[1, 2, 3, 4, 5, 6], 2, 0]);
  await advance(50);
  await append(1);
  expect([got(socket).at(-1), socket.frames.length]).toEqual([7, 3]);
});

test("publish: waiting appends go out before an append of another node", async () => {
  const { socket } = await join();
  await append(1);
  await append(1);
  await append(1, { elsewhere: true });
  hub.poke("board");
  await settled();
  expect(got(socket)).toEqual([1, 2, 3]);
  await advance(50);
  expect(got(socket)).toEqual([1, 2, 3]);
});

test("poll: one poke delivers all that another node appended, also when it fills many pages", async () => {
  const { socket } = await join();
  await append(1);
  await append(59, { elsewhere: true });
  hub.poke("board");
  for (let n = 0; n < 30; n++) await settled();
  expect(got(socket)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
  expect(socket.frames.length).toBeGreaterThan(3);
});

test("publish: a large batch goes out in frames that follow each other", async () => {
  const { socket } = await join();
  await append(30);
  expect(got(socket)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1));
  expect(socket.frames.length).toBeGreaterThan(3);
  let after: Cursor | null = null;
  for (const frame of socket.frames) {
    if (frame.type !== "records") continue;
    expect(frame.after).toEqual(after);
    after = frame.cursor;
  }
});

test("P18 publish: a full buffer gets one hint, one more when it is empty, then records", async () => {
  const { socket } = await join();
  await append(1);
  socket.bufferedBytes = 1_001;
  for (let n = 0; n < 3; n++) {
    await advance(50);
    await append(1);
  }
  expect([got(socket), hints(socket)]).toEqual([[1], [2]]);
  await advance(1_000);
  expect(hints(socket)).toEqual([2]);
  socket.bufferedBytes = 0;
  await advance(1_000);
  expect(hints(socket)).toEqual([2, 4]);
  await append(1);
  expect(got(socket)).toEqual([1, 5]);
  expect(socket.frames.at(-1)).toMatchObject({ after: { position: 4 } });
});

test("P18 publish: a socket far over its budget is terminated", async () => {
  const { socket } = await join();
  socket.bufferedBytes = 5_000;
  await append(1);
  expect(socket.ended).toBe("terminated");
});

test("join: a socket more than a frame behind gets the first records and a hint", async () => {
  await append(200);
  const { socket } = await join(null);
  expect(got(socket)[0]).toBe(1);
  expect(got(socket).length).toBeLessThan(20);
  expect(hints(socket)).toEqual([200]);
  await append(1);
  expect(got(socket).at(-1)).toBe(201);
});

test("join: records that arrive during the read come once and in order", async () => {
  await append(3);
  const read = store.read.bind(store);
  store.read = async (...facts) => {
    const page = await read(...facts);
    await settled();
    return page;
  };
  const joining = join(null);
  for (let n = 0; n < 5; n++) await append(1);
  const { socket } = await joining;
  await advance(1_000);
  expect(got(socket)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

test("poll: one read serves all sockets, and later appends of this node follow in order", async () => {
  await append(1);
  const sockets = (await Promise.all(Array.from({ length: 50 }, () => join()))).map(({ socket }) => socket);
  reads = 0;
  await append(2, { elsewhere: true });
  await append(1);
  expect(sockets.every((socket) => got(socket).join() === "2,3,4")).toBe(true);
  expect(reads).toBeLessThan(5);
  await append(1, { elsewhere: true });
  await advance(7_000);
  expect(sockets.every((socket) => got(socket).join() === "2,3,4,5")).toBe(true);
});

test("P17 poll: after the log was replaced, sockets are closed as diverged and get no record", async () => {
  await append(2);
  const { socket } = await join();
  // The store was restored from another history, which is longer than the old one.
  const other = memory();
  store.read = other.read.bind(other);
  store.head = other.head.bind(other);
  store.append = other.append.bind(other);
  head = null;
  await append(4);
  await advance(7_000);
  expect(got(socket)).toEqual([]);
  expect(socket.frames).toMatchObject([{ type: "bye", code: "diverged" }]);
});

test("resume: sockets continue at their cursor with their presence", async () => {
  await append(2);
  const { socket, connection } = await join();
  const client = crypto.randomUUID();
  connection.receive(JSON.stringify({ type: "presence", client, data: "here" }));
  await append(1);
  const saved = JSON.stringify(socket.saved);
  expect(saved.length).toBeLessThan(2_048);
  hub = newHub(false);
  hub.resume(socket, parseOwnJson(saved));
  await append(1);
  expect(got(socket)).toEqual([3, 4]);
  const { socket: late } = await join();
  expect(late.frames).toMatchObject([{ type: "presence", set: [{ client, actor: "ada", data: "here" }] }]);
});

test("presence: a drained socket gets the departures that it missed", async () => {
  const [watcher, one, other] = [await join(), await join(), await join()];
  const [leaving, staying] = [crypto.randomUUID(), crypto.randomUUID()];
  one.connection.receive(JSON.stringify({ type: "presence", client: leaving, data: 1 }));
  await advance(500);
  watcher.socket.bufferedBytes = 1_001;
  one.connection.closed();
  other.connection.receive(JSON.stringify({ type: "presence", client: staying, data: 2 }));
  await advance(2_000);
  expect(watcher.socket.frames).toMatchObject([{ type: "presence", set: [{ client: leaving }] }]);
  watcher.socket.bufferedBytes = 0;
  await advance(2_000);
  expect(watcher.socket.frames.slice(1)).toEqual([
    { type: "presence", set: [{ client: staying, actor: "ada", data: 2 }], gone: [leaving] },
  ]);
});

test("presence: a slow socket that misses too many departures is terminated", async () => {
  const watcher = await join();
  watcher.socket.bufferedBytes = 1_001;
  for (let n = 0; n < 1_100 && watcher.socket.ended === null; n++) {
    const { connection } = await join();
    connection.receive(JSON.stringify({ type: "presence", client: crypto.randomUUID(), data: n }));
    connection.closed();
    if (n % 100 === 99) await advance(500);
  }
  expect(watcher.socket.ended).toBe("terminated");
});

test("presence: a device that leaves and returns between two frames is not reported as gone", async () => {
  const watcher = await join();
  const client = crypto.randomUUID();
  for (const data of [1, null, 2]) watcher.connection.receive(JSON.stringify({ type: "presence", client, data }));
  await advance(500);
  expect(watcher.socket.frames).toEqual([{ type: "presence", set: [{ client, actor: "ada", data: 2 }], gone: [] }]);
});

test("presence: if a device has two sockets, the end of one shows the entry of the other", async () => {
  const watcher = await join();
  const client = crypto.randomUUID();
  const [older, newer] = [await join(), await join()];
  const shows = (data: unknown) => JSON.stringify({ type: "presence", client, data });
  older.connection.receive(shows("older"));
  newer.connection.receive(shows("newer"));
  newer.connection.closed();
  await advance(500);
  expect(watcher.socket.frames.at(-1)).toEqual({
    type: "presence",
    set: [{ client, actor: "ada", data: "older" }],
    gone: [],
  });
  older.connection.closed();
  await advance(500);
  expect(watcher.socket.frames.at(-1)).toEqual({ type: "presence", set: [], gone: [client] });
});

test("presence: null removes the entries of all sockets of a device", async () => {
  const watcher = await join();
  const client = crypto.randomUUID();
  const [older, newer] = [await join(), await join()];
  for (const [{ connection }, data] of [
    [older, 1],
    [newer, 2],
    [newer, null],
  ] as const)
    connection.receive(JSON.stringify({ type: "presence", client, data }));
  await advance(500);
  expect(watcher.socket.frames.at(-1)).toEqual({ type: "presence", set: [], gone: [client] });
});

test("watch: a silent socket is terminated, and no timer runs without sockets", async () => {
  const [silent, pinging] = [await join(), await join()];
  for (let n = 0; n < 5; n++) {
    pinging.connection.receive('{"type":"ping"}');
    await advance(20_000);
  }
  expect([silent.socket.ended, pinging.socket.ended]).toEqual(["terminated", null]);
  silent.connection.closed();
  silent.connection.closed();
  pinging.connection.closed();
  await advance(3_000);
  expect(timers).toEqual([]);
  expect(hub.refusal("board", "ada")).toBeNull();
});

test("presence: with more sockets, frames are rarer, and the last state arrives", async () => {
  const sockets = await Promise.all(Array.from({ length: 1_000 }, () => join()));
  const client = crypto.randomUUID();
  for (let n = 1; n <= 10; n++) {
    sockets[0]?.connection.receive(JSON.stringify({ type: "presence", client, data: n }));
    await advance(500);
  }
  await advance(1_500);
  expect(sockets[999]?.socket.frames.length).toBeLessThan(7);
  expect(sockets[999]?.socket.frames.at(-1)).toMatchObject({ set: [{ client, data: 10 }] });
});

test("join: sockets over the actor's limit are closed, also if all joined at once", async () => {
  expect(hub.refusal("board", "ada")).toBeNull();
  const sockets = await Promise.all(Array.from({ length: 1_003 }, () => join()));
  expect(sockets.filter(({ socket }) => socket.ended !== null).map(({ socket }) => socket.ended)).toEqual([
    "rate-limited",
    "rate-limited",
    "rate-limited",
  ]);
  for (const { socket, connection } of sockets) if (socket.ended !== null) connection.closed();
  expect(hub.refusal("board", "ada")).toBe("rate-limited");
  sockets[0]?.connection.closed();
  expect(hub.refusal("board", "ada")).toBeNull();
});

test("receive: frames over the rate are dropped, and the socket is closed after 1,000", async () => {
  const { socket, connection } = await join();
  for (let n = 0; n < 200; n++) connection.receive('{"type":"ping"}');
  expect(socket.frames).toHaveLength(100);
  for (let n = 0; n < 1_000; n++) connection.receive('{"type":"ping"}');
  expect(socket.ended).toBe("rate-limited");
});

test("poll: a socket that joins during the read of an empty log gets each record once", async () => {
  const watcher = await join();
  hub.poke("board");
  await settled();
  await append(3, { elsewhere: true });
  const read = store.read.bind(store);
  let release = () => {};
  store.read = async (...facts) => {
    const page = await read(...facts);
    await new Promise<void>((resolve) => (release = resolve));
    return page;
  };
  hub.poke("board");
  await settled();
  store.read = read;
  const newcomer = await join(null);
  release();
  await settled();
  await advance(7_000);
  for (const { socket } of [watcher, newcomer]) expect([got(socket), socket.ended]).toEqual([[1, 2, 3], null]);
});
