// A socket that an operator watches: it passes each call on, and reports frames, opening and end.
import { expect, test } from "vitest";
import type { LogEntry } from "../../../../src/sync-server/base/log-entry.ts";
import { Observer } from "../../../../src/sync-server/base/observer.ts";
import { createLiveHub } from "../../../../src/sync-server/live/hub.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { WatchedSocket } from "../../../../src/sync-server/live/watched-socket.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { fakeClock, fakeSocket } from "../../../support/live-scene.ts";

function watch() {
  const entries: LogEntry[] = [];
  const measures: unknown[] = [];
  const telemetry = {
    startSpan: () => ({ run: <T>(work: () => T) => work(), set: () => {}, end: () => {} }),
    record: (...measure: unknown[]) => void measures.push(measure),
  };
  const observer = new Observer({ telemetry, onLog: (entry) => entries.push(entry) });
  const socket = fakeSocket();
  return { socket, watched: new WatchedSocket(socket, observer, 1_000), entries, measures, observer };
}
/** A socket of a runtime that answers no pings. */
const bare = { bufferedBytes: 0, send: () => {}, close: () => {}, terminate: () => {}, save: () => {} };
const holder = { log: "board", actor: "ada" };

test("WatchedSocket: passes each call on", () => {
  const { socket, watched } = watch();
  const attachment = { log: "board", cursor: null, principal: { actor: "ada" }, presence: null };
  watched.send(`{"type":"pong"}`);
  watched.save(attachment);
  watched.close(1000, "gone");
  watched.terminate();
  socket.bufferedBytes = 7;
  socket.answeredAt = 9;
  expect([watched.bufferedBytes, watched.answeredAt]).toEqual([7, 9]);
  const { frames, saved, closed, terminated } = socket;
  expect([frames, saved, closed, terminated]).toEqual([[{ type: "pong" }], [attachment], [[1000, "gone"]], 1]);
  expect(new WatchedSocket(bare, new Observer(), 0).answeredAt).toBe(0);
});

test("WatchedSocket: counts the open sockets, and its frames by type and bytes", () => {
  const { observer, measures } = watch();
  const watched = new WatchedSocket(bare, observer, 1_000);
  watched.opened(holder, "join");
  watched.send(`{"type":"pong"}`);
  watched.send(`{"other":1}`);
  watched.send(` {"type":"pong"}`);
  watched.closed(1_500);
  const sent = (bytes: number) => ["io", bytes, { "network.io.direction": "transmit" }];
  const frame = (type: string) => ["frames", 1, { "frame.type": type }];
  const frames = [frame("pong"), sent(15), frame("unknown"), sent(11), frame("unknown"), sent(16)];
  expect(measures).toEqual([["sockets", 1, undefined], ...frames, ["sockets", -1, undefined]]);
});

test.each<[string, (watched: WatchedSocket) => void, string]>([
  ["the client", () => {}, "client"],
  ["a goodbye", (watched) => watched.close(1000, "forbidden"), "forbidden"],
  ["the server, without a goodbye", (watched) => watched.terminate(), "terminated"],
])("WatchedSocket: reports the opening, and that %s closed it", (_, end, code) => {
  const { watched, entries } = watch();
  watched.opened(holder, "join");
  end(watched);
  watched.closed(1_500);
  expect(entries).toEqual([
    { level: "info", event: "socket-opened", ...holder },
    { level: "info", event: "socket-closed", ...holder, code, ms: 500 },
  ]);
});

test("WatchedSocket: a socket that outlived the memory of its hub opens without an entry", () => {
  const { watched, entries, measures } = watch();
  watched.opened(holder, "resume");
  expect([entries, measures]).toEqual([[], [["sockets", 1, undefined]]]);
});

test("hub: reports each socket of a watched server once, and sends the same frames", () => {
  const { env, clock } = fakeClock();
  const { observer, entries } = watch();
  const hub = createLiveHub({
    store: memory(),
    env,
    limits: SERVER_LIMITS,
    ticks: false,
    observer,
    checkReader: () => Promise.resolve(),
    tokenReader: () => Promise.resolve({ actor: "ada" }),
    report: () => {},
  });
  const socket = fakeSocket();
  const attachment = { log: "board", cursor: null, principal: { actor: "ada" }, presence: null };
  const connection = hub.join(socket, attachment);
  connection.receive(`{"type":"ping"}`);
  expect(socket.frames).toEqual([{ type: "pong" }]);
  clock.now += 250;
  for (let n = 0; n < 2; n++) connection.closed();
  expect(entries).toEqual([
    { level: "info", event: "socket-opened", ...holder },
    { level: "info", event: "socket-closed", ...holder, code: "client", ms: 250 },
  ]);
});
