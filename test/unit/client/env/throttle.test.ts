import { describe, expect, test } from "vitest";
import type { Env } from "../../../../src/client/env/env.ts";
import { debounce, repeat, throttle } from "../../../../src/client/env/throttle.ts";

/** A clock that a test moves. */
function handClock() {
  let now = 1_000;
  let timers: { readonly at: number; readonly callback: () => void }[] = [];
  const env = {
    elapsed: () => now,
    setTimer(run: () => void, delayMs: number) {
      const timer = { at: now + delayMs, callback: run };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
  } as Env;
  return {
    env,
    pass: (ms: number): void => {
      for (const end = now + ms; ;) {
        const [next] = timers.filter(({ at }) => at <= end).sort((left, right) => left.at - right.at);
        if (!next) return void (now = end);
        timers = timers.filter((one) => one !== next);
        now = Math.max(now, next.at);
        next.callback();
      }
    },
    waiting: () => timers.length,
  };
}

describe("throttle", () => {
  test("runs the first request at once, and the requests soon after it once more together", () => {
    const { env, pass } = handClock();
    let done = 0;
    const paced = throttle(env, 20, () => done++);
    paced.request();
    expect(done).toBe(1);
    for (let n = 0; n < 5; n++) paced.request();
    expect(done).toBe(1);
    pass(20);
    expect(done).toBe(2);
    pass(100);
    expect(done).toBe(2);
    paced.request();
    expect(done).toBe(3);
  });

  test("stop: runs what is still requested", () => {
    const { env, waiting } = handClock();
    let done = 0;
    const paced = throttle(env, 20, () => done++);
    paced.request();
    paced.request();
    paced.stop();
    expect([done, waiting()]).toEqual([2, 0]);
  });
});

describe("debounce", () => {
  test("runs once after a pause, with one timer at a time", () => {
    const { env, pass, waiting } = handClock();
    let done = 0;
    const paced = debounce(env, { waitMs: 100, maxWaitMs: 10_000 }, () => done++);
    for (let n = 0; n < 10; n++) {
      paced.request();
      pass(50);
      expect([done, waiting()]).toEqual([0, 1]);
    }
    pass(50);
    expect([done, waiting()]).toEqual([1, 0]);
  });

  test("runs within maxWaitMs if requests never pause", () => {
    const { env, pass } = handClock();
    let done = 0;
    const paced = debounce(env, { waitMs: 100, maxWaitMs: 1_000 }, () => done++);
    for (let n = 0; n < 45; n++) {
      paced.request();
      pass(50);
    }
    expect(done).toBe(2);
  });

  test("runNow: runs once and cancels the due run; stop: cancels the due run", () => {
    const { env, pass } = handClock();
    let done = 0;
    const paced = debounce(env, { waitMs: 100, maxWaitMs: 1_000 }, () => done++);
    paced.request();
    paced.runNow();
    pass(5_000);
    expect(done).toBe(1);
    paced.request();
    paced.stop();
    pass(5_000);
    expect(done).toBe(1);
  });
});

describe("repeat", () => {
  test("repeat: runs once in each span until it is stopped, and leaves no timer", () => {
    const { env, pass, waiting } = handClock();
    let done = 0;
    const stop = repeat(env, 10, () => done++);
    pass(9);
    expect(done).toBe(0);
    pass(21);
    expect(done).toBe(3);
    stop();
    expect(waiting()).toBe(0);
    pass(100);
    expect(done).toBe(3);
  });

  test("repeat: a run may stop it", () => {
    const { env, pass, waiting } = handClock();
    let done = 0;
    const stop = repeat(env, 10, () => {
      done++;
      stop();
    });
    pass(100);
    expect([done, waiting()]).toEqual([1, 0]);
  });
});
