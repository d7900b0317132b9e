// The alarms of an idle day, counted with a clock that the test moves. docs/deploy-cloudflare.md has their price.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";
import { HttpRefusal } from "../../../../src/sync-server/base/http-refusal.ts";
import { SERVER_LIMITS } from "../../../../src/sync-server/base/limits.ts";
import { LogHandles } from "../../../../src/sync-server/hosts/log-handles.ts";
import { LogObject } from "../../../../src/sync-server/hosts/log-object.ts";
import { createLiveHub } from "../../../../src/sync-server/live/hub.ts";
import { memory } from "../../../../src/sync-server/stores/memory.ts";
import { domain } from "../../../support/board-domain.ts";
import { sleepingRuntime } from "../../../support/sleeping-runtime.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const START = Date.UTC(2026, 10, 1);

beforeEach(() => void vi.useFakeTimers({ now: START, toFake: ["Date"] }));
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
async function idleDay({ sockets, permitMs, tokenHours = Infinity }: Idle) {
  const { context, alarm, openSocket, open } = sleepingRuntime("board");
  const errors: unknown[] = [];
  let [alarms, permits] = [0, 0];
  const report = (error: unknown) => void errors.push(error);

  for (let n = 0; n < sockets; n++) {
    // The devices came one after the other within an hour.
    const joinedAt = START - Math.round((3_600_000 * n) / sockets);
    const end = tokenHours === Infinity ? {} : { expiresAt: joinedAt + tokenHours * 3_600_000 };
    const principal = { actor: `actor-${n}`, ...end };
    openSocket({ log: "board", cursor: null, principal, presence: null, checkedAt: joinedAt, heardAt: joinedAt });
  }

  const wake = (): LogObject => {
    const hub = createLiveHub({
      store: memory(),
      limits: SERVER_LIMITS,
      env: runtimeEnv,
      ticks: false,
      report,
      tokenReader: () => Promise.reject(new Error("no token")),
      checkReader: async ({ expiresAt = Infinity }) => {
        if (expiresAt <= Date.now()) throw new HttpRefusal("unauthorized");
        permits++;
      },
    });
    return new LogObject({
      prefix: "/sync",
      handles: new LogHandles(domain.definition, []),
      permitMs,
      tasks: {},
      report,
      context,
      server: {
        request: () => Promise.reject(new Error("an idle log gets no request")),
        live: { open: () => Promise.reject(new Error("no socket opens")), resume: hub.resume, watch: hub.watch },
        poke: hub.poke,
        log: () => {
          throw new Error("no call");
        },
        drop: () => Promise.resolve(),
        importLog: () => Promise.reject(new Error("no import")),
      },
    });
  };

  // The last socket has set the alarm.
  alarm.at = START + Math.min(permitMs, 600_000);
  while (alarm.at !== null && alarm.at <= START + DAY_MS) {
    vi.setSystemTime(alarm.at);
    alarm.at = null;
    alarms++;
    await wake().ring();
  }
  return { alarms, writes: alarm.writes, permits, closed: sockets - open(), errors };
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
