import { expect, test } from "vitest";
import { createLiveHub } from "../../../../src/sync-server/live/hub.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import type { LiveSocket } from "../../../../src/sync-server/live/server-socket.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";

test("P18 receive: a socket that pings and never reads gets no second pong", () => {
  let now = 0;
  const env = {
    now: () => now,
    randomBytes: (count: number) => new Uint8Array(count),
    setTimer: () => () => {},
    nextTurn: () => Promise.resolve(),
  };
  const hub = createLiveHub({
    store: memory(),
    limits: SERVER_LIMITS,
    env,
    ticks: false,
    checkReader: () => Promise.resolve(),
    tokenReader: () => Promise.resolve({ actor: "ada" }),
    report: () => {},
  });
  const sent: string[] = [];
  const socket: LiveSocket & { bufferedBytes: number } = {
    bufferedBytes: 0,
    send: (text) => void sent.push(text),
    close: () => {},
    terminate: () => {},
    save: () => {},
  };
  const connection = hub.join(socket, { log: "board", cursor: null, principal: { actor: "ada" }, presence: null });
  connection.receive('{"type":"ping"}');
  expect(sent).toEqual(['{"type":"pong"}']);
  socket.bufferedBytes = 15;
  for (let n = 0; n < 1_000; n++, now += 1_000) connection.receive('{"type":"ping"}');
  expect(sent).toHaveLength(1);
  socket.bufferedBytes = 0;
  connection.receive('{"type":"ping"}');
  expect(sent).toHaveLength(2);
});
