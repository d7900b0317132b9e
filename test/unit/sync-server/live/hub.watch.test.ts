import { expect, test } from "vitest";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { createLiveHub } from "../../../../src/sync-server/live/hub.ts";
import type { LiveAttachment, LiveSocket } from "../../../../src/sync-server/live/server-socket.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";

const START = 1_000_000;
const ada: LiveAttachment = { log: "board", cursor: null, principal: { actor: "ada" }, presence: null };

/** A hub without timers, as a runtime that sleeps between events has it. */
function sleepingHub() {
  const clock = { now: START };
  const checked: string[] = [];
  const hub = createLiveHub({
    store: memory(),
    limits: SERVER_LIMITS,
    env: {
      now: () => clock.now,
      randomBytes: (count) => new Uint8Array(count),
      setTimer: () => () => {},
      nextTurn: () => Promise.resolve(),
    },
    ticks: false,
    checkReader: async ({ actor }) => void checked.push(actor),
    tokenReader: () => Promise.reject(new Error("no token")),
    report: () => {},
  });
  const socket = (answeredAt = 0) => {
    const saved: LiveAttachment[] = [];
    let isTerminated = false;
    const live: LiveSocket = {
      bufferedBytes: 0,
      answeredAt,
      send: () => {},
      close: () => {},
      terminate: () => void (isTerminated = true),
      save: (attachment) => void saved.push(attachment),
    };
    return { live, saved, isTerminated: () => isTerminated };
  };
  return { hub, clock, checked, socket };
}

test("watch: without `permit`, it requests no right and is due again in ten minutes", async () => {
  const { hub, clock, checked, socket } = sleepingHub();
  expect(await hub.watch(Infinity)).toBeNull();
  const { live } = socket(START + 3_599_000);
  hub.join(live, ada);
  clock.now += 3_600_000;
  expect(await hub.watch(Infinity)).toBe(600_000);
  expect(checked).toEqual([]);
});

test("watch: without `permit` and without an expiry, a silent socket is terminated", async () => {
  const { hub, clock, socket } = sleepingHub();
  const [silent, answering] = [socket(), socket(START + 500_000)];
  for (const { live } of [silent, answering]) hub.join(live, ada);
  clock.now += 89_000;
  await hub.watch(Infinity);
  expect(silent.isTerminated()).toBe(false);
  clock.now = START + 580_000;
  await hub.watch(Infinity);
  expect([silent, answering].map((one) => one.isTerminated())).toEqual([true, false]);
});

test("watch: is due when the next token ends, and checks that socket then", async () => {
  const { hub, clock, checked, socket } = sleepingHub();
  hub.join(socket().live, { ...ada, principal: { actor: "guest", expiresAt: START + 5_000 } });
  hub.join(socket().live, ada);
  expect(await hub.watch(Infinity)).toBe(5_000);
  clock.now += 5_000;
  await hub.watch(Infinity);
  expect(checked).toEqual(["guest"]);
});

test("watch: requests each right after `permitMs`, counted over a loss of memory", async () => {
  const before = sleepingHub();
  const { live, saved } = before.socket();
  before.hub.join(live, ada);
  before.clock.now += 60_000;
  await before.hub.watch(60_000);
  expect(before.checked).toEqual(["ada"]);
  expect(saved.at(-1)).toMatchObject({ checkedAt: START + 60_000 });

  const after = sleepingHub();
  after.clock.now = START + 90_000;
  after.hub.resume(after.socket(START + 90_000).live, saved.at(-1) ?? ada);
  expect(await after.hub.watch(60_000)).toBe(30_000);
  expect(after.checked).toEqual([]);
  after.clock.now += 30_000;
  expect(await after.hub.watch(60_000)).toBe(60_000);
  expect(after.checked).toEqual(["ada"]);
});

test("watch: a socket that was silent before a loss of memory is terminated after it", async () => {
  const before = sleepingHub();
  const { live, saved } = before.socket();
  const connection = before.hub.join(live, ada);
  before.clock.now += 30_000;
  connection.receive('{ "type": "ping" }');

  const resumedAt = async (now: number) => {
    const after = sleepingHub();
    after.clock.now = now;
    const socket = after.socket();
    after.hub.resume(socket.live, saved.at(-1) ?? ada);
    await after.hub.watch(Infinity);
    return socket.isTerminated();
  };
  expect(await resumedAt(START + 115_000)).toBe(false);
  expect(await resumedAt(START + 121_000)).toBe(true);
});
