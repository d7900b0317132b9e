// The hub of live sockets: their rooms, frames, rights, limits and goodbyes, with a clock that the test moves.
import { expect, test, vi } from "vitest";
import { HttpRefusal } from "../../../../src/sync-server/base/http-refusal.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { createLiveHub, type LiveHubOptions } from "../../../../src/sync-server/live/hub.ts";
import type { LiveAttachment } from "../../../../src/sync-server/live/server-socket.ts";
import type { StorePresence } from "../../../../src/sync-server/stores/between-nodes.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import type { Json } from "../../../../src/core/values/json.ts";
import {
  appendedAfter,
  appendTo,
  fakeClock,
  fakeSocket,
  hintsIn,
  positionsIn,
  settled,
} from "../../../support/live-scene.ts";

const PING = `{"type":"ping"}`;
const START = 1_000_000;

function scene({ limits, ...options }: Partial<Omit<LiveHubOptions, "limits">> & { limits?: object } = {}) {
  const { clock, env } = fakeClock(START);
  const { store = memory() } = options;
  const errors: unknown[] = [];
  const checked: string[] = [];
  const hub = createLiveHub({
    env,
    limits: { ...SERVER_LIMITS, ...limits },
    ticks: true,
    checkReader: async ({ actor }) => void checked.push(actor),
    tokenReader: (token) => Promise.resolve({ actor: token, expiresAt: clock.now + 60_000 }),
    report: (error) => errors.push(error),
    ...options,
    store,
  });
  const enter = (how: "join" | "resume", facts: Partial<LiveAttachment> = {}) => {
    const socket = fakeSocket();
    const attachment = { log: "board", cursor: null, principal: { actor: "ada" }, presence: null, ...facts };
    const connection = hub[how](socket, attachment);
    return {
      socket,
      connection,
      show: (client: string, data: Json) => connection.receive(JSON.stringify({ type: "presence", client, data })),
      /** The presence frames that came since the last call. */
      shown: () => socket.frames.splice(0).filter(({ type }) => type === "presence"),
    };
  };
  return {
    hub,
    store,
    clock,
    errors,
    checked,
    join: (facts?: Partial<LiveAttachment>) => enter("join", facts),
    resume: (facts?: Partial<LiveAttachment>) => enter("resume", facts),
  };
}
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
const [phone, laptop] = [id(1), id(2)];

test("hub: each log has its own sockets, records and presence", async () => {
  const { hub, join, clock } = scene();
  const [board, other] = [join(), join({ log: "other" })];
  await settled();
  hub.publish("board", appendedAfter(null, 1));
  hub.publish("unknown", appendedAfter(null, 1));
  hub.publish("unknown", null);
  board.show(phone, 1);
  await clock.advance(50);
  expect([positionsIn(board.socket), positionsIn(other.socket)]).toEqual([[1], []]);
  expect([board.shown().length, other.shown().length]).toEqual([1, 0]);
});

test("hub: reads a log after a poke of its name, and all logs after a poke without one", async () => {
  const { hub, store, join } = scene();
  const [board, other] = [join(), join({ log: "other" })];
  for (const log of [null, "board", "unknown"]) hub.poke(log);
  await settled();
  await appendTo(store, 1);
  await appendTo(store, 1, "other");
  hub.poke("other");
  await settled();
  expect([positionsIn(board.socket), positionsIn(other.socket)]).toEqual([[], [1]]);
  hub.poke(null);
  await settled();
  expect(positionsIn(board.socket)).toEqual([1]);
  await appendTo(store, 1);
  hub.publish("board", null);
  await settled();
  expect(positionsIn(board.socket)).toEqual([1, 2]);
});

test("hub: end says goodbye to one log or to all, and a restart spreads the returns", async () => {
  const { hub, join } = scene();
  const [one, two, other] = [join(), join(), join({ log: "other" })];
  hub.end("gone", "other");
  expect([one.socket.frames, other.socket.frames]).toEqual([[], [{ type: "bye", code: "gone" }]]);
  hub.end("restarting");
  for (const { socket } of [one, two]) {
    expect(socket.frames).toEqual([{ type: "bye", code: "restarting", retryAfterMs: 2_000 }]);
    expect(socket.closed).toEqual([[1012, "restarting"]]);
  }
  expect(other.socket.frames).toHaveLength(1);
});

test("hub: a socket counts until its runtime reports its end, once", () => {
  const { hub, join } = scene({ limits: { socketsPerActorMax: 2 } });
  const [one] = [join(), join()];
  expect([hub.refusal("board", "ada"), hub.refusal("board", "bob")]).toEqual(["rate-limited", null]);
  const third = join();
  expect(third.socket.frames).toEqual([{ type: "bye", code: "rate-limited", retryAfterMs: 2_000 }]);
  third.connection.closed();
  one?.connection.closed();
  one?.connection.closed();
  expect(hub.refusal("board", "ada")).toBeNull();
  join();
  expect(hub.refusal("board", "ada")).toBe("rate-limited");
});

test("hub: sockets that outlived its memory are never refused, and keep their cursor and times", async () => {
  const { hub, store, resume, clock } = scene({ limits: { socketsPerActorMax: 1 } });
  await appendTo(store, 3);
  const facts = { cursor: "2-m2", checkedAt: START - 1_000, heardAt: START - 2_000 };
  const [one, two] = [resume(facts), resume(facts)];
  expect([one.socket.frames, two.socket.frames, hub.refusal("board", "ada")]).toEqual([[], [], "rate-limited"]);
  // A resumed socket reads when the log is polled.
  hub.poke("board");
  await settled();
  expect(positionsIn(one.socket)).toEqual([3]);
  one.connection.receive(PING);
  expect(one.socket.saved.at(-1)).toMatchObject({ checkedAt: START - 1_000, heardAt: clock.now, cursor: "3-m3" });
});

test("hub: a new socket has just been checked, and gets records and presence of its log", async () => {
  const { store, join, resume, clock } = scene();
  await appendTo(store, 2);
  const other = resume({ presence: { client: phone, data: "here" }, principal: { actor: "bob" } });
  const { socket } = join({ cursor: "1-m1" });
  expect(socket.saved).toMatchObject([{ checkedAt: clock.now, cursor: "1-m1" }]);
  expect(socket.frames).toEqual([{ type: "presence", set: [{ client: phone, actor: "bob", data: "here" }], gone: [] }]);
  await settled();
  expect([positionsIn(socket), other.socket.frames]).toEqual([[2], []]);
});

test("receive: a ping gets a pong only while nothing waits, and the time of each frame is kept", () => {
  const { join, clock } = scene();
  const { socket, connection } = join();
  clock.now += 5;
  connection.receive(PING);
  expect([socket.frames, socket.saved.at(-1)?.heardAt]).toEqual([[{ type: "pong" }], START + 5]);
  socket.bufferedBytes = 1;
  clock.now += 5;
  connection.receive(PING);
  expect([socket.frames.length, socket.saved.at(-1)?.heardAt]).toEqual([1, START + 10]);
});

test("receive: frames that the server does not know change nothing", () => {
  const { join, errors } = scene();
  const { socket, connection } = join();
  const before = socket.saved.length;
  for (const text of ["", "no json", "null", `{"type":"later"}`, `{"type":"presence"}`, `{"type":"token"}`])
    connection.receive(text);
  expect([socket.frames, socket.closed, socket.saved.length - before, errors]).toEqual([[], [], 0, []]);
});

test("receive: 100 frames at once and 50 a second are handled, and others are dropped", async () => {
  const { join, clock } = scene();
  const { socket, connection } = join();
  const pings = (count: number) => {
    socket.frames.length = 0;
    for (let n = 0; n < count; n++) connection.receive(PING);
    return socket.frames.length;
  };
  expect(pings(150)).toBe(100);
  clock.now += 1_000;
  expect(pings(60)).toBe(50);
  expect(socket.closed).toEqual([]);
});

test("receive: a socket may send 1,000 frames too many, and the next one closes it for a minute", () => {
  const { join } = scene();
  const { socket, connection } = join();
  for (let n = 0; n < 1_100; n++) connection.receive(PING);
  expect(socket.closed).toEqual([]);
  connection.receive(PING);
  expect(socket.frames.at(-1)).toEqual({ type: "bye", code: "rate-limited", retryAfterMs: 60_000 });
  expect(socket.closed).toEqual([[1000, "rate-limited"]]);
});

test("receive: a new token of the same actor renews the socket, and the server confirms it", async () => {
  const { join, clock } = scene();
  const { socket, connection } = join();
  clock.now += 10;
  connection.receive(JSON.stringify({ type: "token", token: "ada" }));
  await settled();
  expect(socket.frames).toEqual([{ type: "renewed", expiresInMs: 60_000 }]);
  expect(socket.saved.at(-1)).toMatchObject({
    principal: { actor: "ada", expiresAt: clock.now + 60_000 },
    checkedAt: clock.now,
  });
});

test("receive: a token of another actor closes the socket, and no token error does", async () => {
  const { join } = scene();
  const { socket, connection } = join();
  connection.receive(JSON.stringify({ type: "token", token: "bob" }));
  await settled();
  expect(socket.frames).toEqual([{ type: "bye", code: "unauthorized" }]);
  const failure = new Error("no directory");
  for (const [error, reported] of [
    [new HttpRefusal("unauthorized"), []],
    [failure, [failure]],
  ] as const) {
    const other = scene({ tokenReader: () => Promise.reject(error) });
    const bob = other.join();
    bob.connection.receive(JSON.stringify({ type: "token", token: "ada" }));
    await settled();
    expect([bob.socket.frames, bob.socket.closed, other.errors]).toEqual([[], [], reported]);
  }
});

test("receive: a token whose identity is too large for a socket is reported, and changes nothing", async () => {
  const claims = "x".repeat(2_000);
  const { join, errors } = scene({ tokenReader: () => Promise.resolve({ actor: "ada", claims }) });
  const { socket, connection } = join();
  connection.receive(JSON.stringify({ type: "token", token: "ada" }));
  await settled();
  expect([socket.frames, errors.length]).toEqual([[], 1]);
});

test("presence: one socket shows one device, and a refused entry is neither kept nor shown", async () => {
  const { join, clock } = scene({ limits: { presenceBytesMax: 20 } });
  const [ada, bob] = [join(), join({ principal: { actor: "bob" } })];
  ada.show(phone, "x".repeat(19));
  await clock.advance(50);
  expect(bob.shown()).toEqual([]);
  ada.show(phone, "here");
  ada.show(laptop, "too");
  await clock.advance(50);
  expect(bob.shown()).toEqual([{ type: "presence", set: [{ client: phone, actor: "ada", data: "here" }], gone: [] }]);
  expect(ada.socket.saved.at(-1)?.presence).toEqual({ client: phone, data: "here" });
  // A socket that shows nothing may show another device.
  ada.show(phone, null);
  expect(ada.socket.saved.at(-1)?.presence).toBeNull();
  ada.show(laptop, "too");
  await clock.advance(50);
  expect(bob.shown()).toEqual([
    { type: "presence", set: [{ client: laptop, actor: "ada", data: "too" }], gone: [phone] },
  ]);
});

test("presence: changes within 50 ms go out together, later ones with the next frame", async () => {
  const { join, clock } = scene();
  const [ada, bob, cleo] = [join(), join({ principal: { actor: "bob" } }), join({ principal: { actor: "cleo" } })];
  ada.show(phone, 1);
  await clock.advance(49);
  bob.show(laptop, 2);
  expect(cleo.socket.frames).toEqual([]);
  await clock.advance(1);
  expect(cleo.shown()).toMatchObject([{ set: [{ data: 1 }, { data: 2 }], gone: [] }]);
  ada.show(phone, 3);
  await clock.advance(50);
  expect(cleo.shown()).toMatchObject([{ set: [{ data: 3 }], gone: [] }]);
  ada.connection.closed();
  await clock.advance(50);
  expect(cleo.shown()).toEqual([{ type: "presence", set: [], gone: [phone] }]);
});

test("presence: in a room of 60 sockets, changes wait 60 ms", async () => {
  const { join, clock } = scene();
  const sockets = Array.from({ length: 60 }, () => join());
  sockets[0]?.show(phone, 1);
  await clock.advance(59);
  expect(sockets[1]?.socket.frames).toEqual([]);
  await clock.advance(1);
  expect(sockets[1]?.shown()).toHaveLength(1);
});

test("P18 presence: a slow socket gets the whole state once, when it has drained", async () => {
  const { join, clock } = scene({ limits: { socketBufferBytesMax: 1_000 } });
  const [ada, bob, slow] = [join(), join({ principal: { actor: "bob" } }), join({ principal: { actor: "cleo" } })];
  bob.show(laptop, "stays");
  await clock.advance(50);
  slow.shown();
  slow.socket.bufferedBytes = 1_001;
  ada.show(phone, 1);
  await clock.advance(50);
  ada.show(phone, null);
  await clock.advance(5_000);
  expect(slow.shown()).toEqual([]);
  slow.socket.bufferedBytes = 1_000;
  await clock.advance(1_000);
  expect(slow.shown()).toEqual([
    { type: "presence", set: [{ client: laptop, actor: "bob", data: "stays" }], gone: [phone] },
  ]);
  await clock.advance(5_000);
  expect(slow.shown()).toEqual([]);
});

test("P18 presence: a slow socket may miss 1,000 departures, and one more terminates it", async () => {
  const { join, clock } = scene({ limits: { socketsPerActorMax: 10_000 } });
  const slow = join({ principal: { actor: "bob" } });
  slow.socket.bufferedBytes = Infinity;
  const leave = async (from: number, count: number) => {
    for (let n = from; n < from + count; n++) {
      const { show, connection } = join();
      show(id(n), n);
      connection.closed();
    }
    await clock.advance(50);
  };
  await leave(0, 600);
  await leave(500, 500);
  expect(slow.socket.terminated).toBe(0);
  await leave(1_000, 1);
  expect(slow.socket.terminated).toBe(1);
});

test("watch: drains sockets every second, and reads the log every `lookMs`", async () => {
  const { store, join, clock } = scene({ limits: { lookMs: 5_000, socketBufferBytesMax: 1_000 } });
  const { socket, connection } = join();
  await settled();
  await appendTo(store, 1);
  await clock.advance(4_999);
  expect(positionsIn(socket)).toEqual([]);
  // The first read finds the head, and the socket then reads by its own cursor.
  await clock.advance(1);
  expect(positionsIn(socket)).toEqual([1]);
  socket.bufferedBytes = 1_001;
  await appendTo(store, 1);
  await clock.advance(5_000);
  await appendTo(store, 1);
  await clock.advance(5_000);
  expect([positionsIn(socket), hintsIn(socket)]).toEqual([[1], [2]]);
  socket.bufferedBytes = 0;
  await clock.advance(1_000);
  expect(hintsIn(socket)).toEqual([2, 3]);
  connection.closed();
  await clock.advance(1_000);
  expect(clock.timers()).toEqual([]);
});

test("watch: a clock that was set back delays no read of the log", async () => {
  const { store, join, clock } = scene({ limits: { lookMs: 5_000 } });
  const { socket } = join();
  await clock.advance(1_000);
  await appendTo(store, 1);
  clock.now -= 3_600_000;
  await clock.advance(1_000);
  expect(positionsIn(socket)).toEqual([1]);
  await appendTo(store, 1);
  await clock.advance(4_000);
  expect(positionsIn(socket)).toEqual([1]);
  await clock.advance(1_000);
  expect(positionsIn(socket)).toEqual([1, 2]);
});

test("watch: rights are requested again every 40 seconds, and sockets that end are closed", async () => {
  const { join, clock, checked } = scene();
  const [ada, bob] = [join(), join({ principal: { actor: "bob", expiresAt: START + 5_500 } })];
  for (const { socket } of [ada, bob]) socket.answeredAt = Infinity;
  await clock.advance(5_000);
  expect(checked).toEqual([]);
  await clock.advance(1_000);
  expect(checked).toEqual(["bob"]);
  bob.connection.closed();
  await clock.advance(33_000);
  expect(checked).toEqual(["bob"]);
  await clock.advance(1_000);
  expect(checked).toEqual(["bob", "ada"]);
  await clock.advance(40_000);
  expect(checked).toEqual(["bob", "ada", "ada"]);
});

test("watch: one timer runs for all sockets, and none in a runtime that calls it itself", async () => {
  const { join, clock } = scene();
  for (let n = 0; n < 3; n++) join();
  expect(clock.timers()).toEqual([1_000]);
  await clock.advance(1_000);
  join();
  expect(clock.timers()).toEqual([1_000]);
  const asleep = scene({ ticks: false });
  asleep.join();
  expect(asleep.clock.timers()).toEqual([]);
});

test("watch: is due at once for a right whose time is over, and at the latest in ten minutes", async () => {
  const { hub, join, clock } = scene({ ticks: false, checkReader: () => Promise.reject(new Error("no directory")) });
  const { socket } = join();
  socket.answeredAt = Infinity;
  expect(await hub.watch()).toBe(40_000);
  expect(await hub.watch(3_600_000)).toBe(600_000);
  clock.now += 40_000;
  expect(await hub.watch()).toBe(5_000);
  expect(await hub.watch(Infinity)).toBe(5_000);
});

test("hub: a socket that throws and reports after its end disturbs nobody", async () => {
  const { hub, join, clock, errors } = scene();
  const [ada, bob] = [join(), join({ principal: { actor: "bob" } })];
  await settled();
  ada.socket.broken = "send";
  hub.publish("board", appendedAfter(null, 1));
  await settled();
  expect([ada.socket.terminated > 0, positionsIn(bob.socket), errors]).toEqual([true, [1], []]);
  ada.connection.closed();
  ada.connection.heard();
  ada.connection.receive(PING);
  await clock.advance(2_000);
  expect(errors).toEqual([]);
});

test("hub: the records that it read of other nodes are passed on", async () => {
  const onRead = vi.fn();
  const { hub, store, join } = scene({ onRead });
  join();
  hub.poke("board");
  await settled();
  const appended = await appendTo(store, 2);
  hub.poke("board");
  await settled();
  expect(onRead.mock.calls).toEqual([["board", appended]]);
});

test("watch: a socket stays open while its runtime reports that the client is there", async () => {
  const { join, clock } = scene();
  const [silent, there] = [join(), join()];
  await clock.advance(60_000);
  there.connection.heard();
  await clock.advance(31_000);
  expect([silent.socket.terminated > 0, there.socket.terminated]).toEqual([true, 0]);
  await clock.advance(60_000);
  expect(there.socket.terminated).toBeGreaterThan(0);
});

test("watch: a clock that was set back keeps no silent socket open", async () => {
  const { join, clock } = scene();
  const { socket } = join();
  clock.now -= 900_000;
  await clock.advance(92_000);
  expect(socket.terminated).toBeGreaterThan(0);
});

test("hub: the sockets of a log that another node dropped get a goodbye", async () => {
  const { hub, store, join } = scene();
  await appendTo(store, 1);
  const [board, other] = [join(), join({ log: "other" })];
  await settled();
  await store.drop("board");
  hub.poke(null);
  await settled();
  expect(board.socket.frames.at(-1)).toEqual({ type: "bye", code: "gone" });
  expect(other.socket.frames).toEqual([]);
});

test("hub: one read serves all sockets that are at the head which the first one found", async () => {
  const { hub, store, join } = scene();
  await appendTo(store, 2);
  const sockets = [join(), join({ cursor: "2-m2" }), join({ cursor: "1-m1" })].map(({ socket }) => socket);
  await settled();
  await appendTo(store, 1);
  const [head, read] = [vi.spyOn(store, "head"), vi.spyOn(store, "read")];
  hub.poke("board");
  await settled();
  expect([head.mock.calls.length, read.mock.calls.length]).toEqual([0, 1]);
  expect(sockets.map((socket) => positionsIn(socket).at(-1))).toEqual([3, 3, 3]);
});

test("hub: requests the presence of other nodes for a new room and after lost messages alone", async () => {
  const messages: string[] = [];
  let isListening = false;
  const presence: StorePresence = {
    send: (log, message) => void messages.push(`${log} ${JSON.stringify(message)}`),
    listen: () => {
      isListening = true;
      return () => (isListening = false);
    },
  };
  const { hub, join, clock } = scene({ store: Object.assign(memory(), { presence }) });
  const sent = async () => {
    await clock.advance(100);
    return messages.splice(0);
  };
  const request = `board {"entries":[],"asks":true}`;
  const { show } = join();
  join();
  expect(await sent()).toEqual([request]);
  hub.poke("board");
  expect(await sent()).toEqual([]);
  hub.poke(null);
  expect(await sent()).toEqual([request]);
  show(phone, "here");
  expect(await sent()).toEqual([`board {"entries":[["${phone}","ada","here"]]}`]);
  hub.end("gone", "board");
  expect([messages, isListening]).toEqual([[], true]);
  hub.end("restarting");
  expect([messages, isListening]).toEqual([[`board {"entries":[],"ends":true}`], false]);
});
