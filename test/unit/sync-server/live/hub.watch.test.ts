import { expect, test } from "vitest";
import { HttpRefusal } from "../../../../src/sync-server/base/http-refusal.ts";
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
  const running = { now: 0, most: 0 };
  let failures = 0;
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
    checkReader: async ({ actor }) => {
      running.most = Math.max(running.most, ++running.now);
      await Promise.resolve();
      running.now--;
      if (failures-- > 0) throw new HttpRefusal("unavailable");
      checked.push(actor);
    },
    tokenReader: () => Promise.reject(new Error("no token")),
    report: () => {},
  });
  const socket = (answeredAt = 0) => {
    const saved: LiveAttachment[] = [];
    const closed: string[] = [];
    let isTerminated = false;
    const live: LiveSocket = {
      bufferedBytes: 0,
      answeredAt,
      send: () => {},
      close: (_, code) => void closed.push(code),
      terminate: () => void (isTerminated = true),
      save: (attachment) => void saved.push(attachment),
    };
    return { live, saved, closed: () => closed, isTerminated: () => isTerminated };
  };
  return { hub, clock, checked, running, socket, fail: (times: number) => void (failures = times) };
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

test("watch: many sockets that joined at different times are due together", async () => {
  const { hub, clock, checked, socket } = sleepingHub();
  for (let n = 0; n < 100; n++) {
    hub.join(socket(Infinity).live, { ...ada, principal: { actor: `actor-${n}` } });
    clock.now += 6_000;
  }
  let wakes = 0;
  for (const end = clock.now + 86_400_000; clock.now < end; wakes++)
    clock.now += (await hub.watch(600_000)) ?? Infinity;
  expect(wakes).toBeGreaterThanOrEqual(144);
  expect(wakes).toBeLessThanOrEqual(148);
  // Each right is requested every ten minutes, at first perhaps sooner.
  expect(checked.length).toBeLessThanOrEqual(14_700);
  for (let n = 0; n < 100; n++)
    expect(checked.filter((actor) => actor === `actor-${n}`).length).toBeGreaterThanOrEqual(144);
});

test("watch: a `permit` that fails once closes nothing after a long sleep, twice it closes", async () => {
  for (const failures of [1, 2]) {
    const { hub, clock, checked, socket, fail } = sleepingHub();
    const { live, saved, closed } = socket(Infinity);
    hub.join(live, ada);
    clock.now += 3_600_000;
    fail(failures);
    expect(await hub.watch(600_000)).toBe(5_000);
    expect(saved.at(-1)).toMatchObject({ checkedAt: clock.now, retryAt: clock.now + 5_000 });
    expect(closed()).toEqual([]);
    // The object may lose its memory before the second try.
    const after = sleepingHub();
    after.fail(failures - 1);
    after.clock.now = clock.now + 5_000;
    const resumed = after.socket(Infinity);
    after.hub.resume(resumed.live, saved.at(-1) ?? ada);
    await after.hub.watch(600_000);
    expect(resumed.closed()).toEqual(failures === 1 ? [] : ["unavailable"]);
    expect([...checked, ...after.checked]).toEqual(failures === 1 ? ["ada"] : []);
  }
});

test("watch: rights are requested 32 at once, because a Worker has few connections", async () => {
  const { hub, clock, socket, running } = sleepingHub();
  for (let n = 0; n < 100; n++) hub.join(socket(Infinity).live, ada);
  clock.now += 600_000;
  await hub.watch(600_000);
  expect(running.most).toBe(32);
});
