// The alarms of an idle day, counted with a clock that the test moves. docs/deploy-cloudflare.md has their price.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { HttpRefusal } from "../../../../src/sync-server/base/http-refusal.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import type { HibernatingSocket } from "../../../../src/sync-server/hosts/cloudflare-runtime.ts";
import { LogObject } from "../../../../src/sync-server/hosts/log-object.ts";
import { createLiveHub } from "../../../../src/sync-server/live/hub.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const START = Date.UTC(2026, 10, 1);

beforeEach(() => {
  vi.useFakeTimers({ now: START, toFake: ["Date"] });
  vi.stubGlobal("WebSocketRequestResponsePair", class {});
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

type Idle = {
  readonly sockets: number;
  /** As `permitEveryMs`. Infinity: the app has no `permit`. */
  readonly permitMs: number;
  /** Hours after which each token ends. The device does not renew it. */
  readonly tokenHours?: number;
};

/** Lets a day pass for a log whose devices only ping. The object loses its memory between any two alarms. */
async function idleDay({ sockets: count, permitMs, tokenHours = Infinity }: Idle) {
  const counted = { alarms: 0, writes: 0, permits: 0, closed: 0 };
  const errors: unknown[] = [];
  const open = new Set<HibernatingSocket>();
  let alarm: number | null = null;

  const socketOf = (n: number): HibernatingSocket => {
    // The devices came one after the other within an hour.
    const joinedAt = START - Math.round((3_600_000 * n) / count);
    const principal = {
      actor: `actor-${n}`,
      ...(tokenHours !== Infinity && { expiresAt: joinedAt + tokenHours * 3_600_000 }),
    };
    let attachment: unknown = new TextEncoder().encode(
      JSON.stringify({ log: "board", cursor: null, principal, presence: null, checkedAt: joinedAt, heardAt: joinedAt }),
    );
    const socket: HibernatingSocket = {
      send: () => {},
      close: () => {
        open.delete(socket);
        counted.closed++;
      },
      serializeAttachment: (value) => void (attachment = value),
      deserializeAttachment: () => attachment,
    };
    return socket;
  };
  for (let n = 0; n < count; n++) open.add(socketOf(n));

  const wake = (): LogObject => {
    const store = memory();
    const hub = createLiveHub({
      store,
      limits: SERVER_LIMITS,
      env: runtimeEnv,
      ticks: false,
      report: (error) => void errors.push(error),
      tokenReader: () => Promise.reject(new Error("no token")),
      checkReader: async ({ expiresAt = Infinity }) => {
        if (expiresAt <= Date.now()) throw new HttpRefusal("unauthorized");
        counted.permits++;
      },
    });
    return new LogObject({
      prefix: "/sync",
      permitMs,
      tasks: {},
      report: (error) => void errors.push(error),
      server: {
        request: () => Promise.reject(new Error("an idle log gets no request")),
        live: { open: () => Promise.reject(new Error("no socket opens")), resume: hub.resume, watch: hub.watch },
        poke: hub.poke,
        drop: () => Promise.resolve(),
        importLog: () => Promise.reject(new Error("no import")),
      },
      context: {
        id: { name: "board" },
        storage: {
          sql: { databaseSize: 0, exec: () => [] },
          transactionSync: (work) => work(),
          getAlarm: async () => alarm,
          setAlarm: async (at) => {
            counted.writes++;
            alarm = at;
          },
        },
        acceptWebSocket: () => {},
        getWebSockets: () => [...open],
        setWebSocketAutoResponse: () => {},
        // The runtime answered each ping, the last one at most 20 s ago.
        getWebSocketAutoResponseTimestamp: () => new Date(Date.now() - 20_000),
      },
    });
  };

  // The last socket has set the alarm.
  alarm = START + Math.min(permitMs, 600_000);
  while (alarm !== null && alarm <= START + DAY_MS) {
    vi.setSystemTime(alarm);
    alarm = null;
    counted.alarms++;
    await wake().ring();
  }
  return { ...counted, errors };
}

test("idle day: an object with 100 sockets and no `permit` wakes 144 times", async () => {
  expect(await idleDay({ sockets: 100, permitMs: Infinity })).toEqual({
    alarms: 144,
    writes: 144,
    permits: 0,
    closed: 0,
    errors: [],
  });
});

test("idle day: with `permit`, 100 sockets wake an object as often as one socket", async () => {
  const one = await idleDay({ sockets: 1, permitMs: 600_000 });
  const hundred = await idleDay({ sockets: 100, permitMs: 600_000 });
  expect(one).toMatchObject({ alarms: 144, writes: 144, permits: 144, closed: 0, errors: [] });
  expect(hundred).toMatchObject({ alarms: 144, writes: 144, permits: 14_400, closed: 0, errors: [] });
});

test("idle day: with `permitEveryMs: 40_000` an object wakes 2,160 times", async () => {
  expect(await idleDay({ sockets: 3, permitMs: 40_000 })).toMatchObject({ alarms: 2_160, writes: 2_160, closed: 0 });
});

test("idle day: tokens that end add one alarm each, and no alarm is set without sockets", async () => {
  const { alarms, writes, closed } = await idleDay({ sockets: 10, permitMs: Infinity, tokenHours: 12 });
  expect(closed).toBe(10);
  expect(alarms).toBeLessThanOrEqual(72 + 10);
  expect(writes).toBe(alarms - 1);
});
