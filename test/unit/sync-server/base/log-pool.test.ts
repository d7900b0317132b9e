// The pool of logs with background work: its timers.
import { expect, test } from "vitest";
import { LogPool } from "../../../../src/sync-server/base/log-pool.ts";
import { runtimeEnv } from "../../../../src/sync-server/base/env.ts";

const DAY_MS = 24 * 60 * 60_000;

test("LogPool: a log whose next work is in 60 days does not run before", async () => {
  const delays: number[] = [];
  let runs = 0;
  let now = 0;
  let ring = (): void => {};
  const pool = new LogPool({
    env: {
      ...runtimeEnv,
      now: () => now,
      setTimer: (run, delayMs) => {
        delays.push(delayMs);
        ring = run;
        return () => {};
      },
    },
    report: (error) => expect.unreachable(String(error)),
    runsMax: 1,
    walkMs: 1_000,
    ticks: false,
    turn: null,
    due: () => Promise.resolve({ logs: [], next: null }),
    run: () => {
      runs++;
      return Promise.resolve(60 * DAY_MS);
    },
  });
  pool.poke("board");
  await new Promise((resolve) => setTimeout(resolve, 0));
  // A runtime runs a timer of more than 31 bits of milliseconds at once.
  expect(delays).toEqual([2 ** 31 - 1]);
  now = 2 ** 31 - 1;
  ring();
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect([runs, delays[1]]).toEqual([2, 2 ** 31 - 1]);
  await pool.close();
});

test("LogPool: a log that fails waits for its next attempt, also while readers wait", async () => {
  const errors: unknown[] = [];
  const delays: number[] = [];
  const now = 0;
  const poll = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));
  let ring = (): void => {};
  const pool = new LogPool({
    env: {
      ...runtimeEnv,
      now: () => now,
      setTimer: (run, delayMs) => {
        delays.push(delayMs);
        ring = run;
        return () => {};
      },
    },
    report: (error) => void errors.push(error),
    runsMax: 1,
    walkMs: 1_000,
    ticks: false,
    turn: null,
    due: () => Promise.resolve({ logs: [], next: null }),
    run: () => {
      // A reader that waits for the rows.
      if (errors.length < 100) pool.poke("board");
      return Promise.reject(new Error("the table is refused"));
    },
  });
  for (let n = 0; n < 20; n++) {
    pool.poke("board");
    await poll();
  }
  expect([errors.length, delays.length]).toEqual([1, 1]);
  ring();
  await poll();
  expect([errors.length, delays.length]).toEqual([2, 2]);
  await pool.close();
});
