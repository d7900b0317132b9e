import { expect, test } from "vitest";
import { LogSignals } from "../../../../src/sync-server/base/log-signals.ts";

/** Timers that fire only by `fire`. */
function timers() {
  const waiting = new Set<() => void>();
  return {
    env: {
      setTimer: (run: () => void) => {
        waiting.add(run);
        return () => void waiting.delete(run);
      },
    },
    fire: () => [...waiting].forEach((run) => run()),
    count: () => waiting.size,
  };
}

const isEnded = async (wait: Promise<void>): Promise<boolean> =>
  Promise.race([wait.then(() => true), new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 5))]);

test("LogSignals: a signal ends the waits for its log, and no other wait", async () => {
  const { env, count } = timers();
  const signals = new LogSignals(env);
  const waits = ["a", "a", "b"].map((log) => signals.wait(log, 1_000));
  signals.send("a");
  expect(await Promise.all(waits.map(isEnded))).toEqual([true, true, false]);
  expect(count()).toBe(1);
  signals.send(null);
  expect(await Promise.all(waits.map(isEnded))).toEqual([true, true, true]);
  expect(count()).toBe(0);
});

test("LogSignals: a wait also ends after its time, by its abort signal, and by close", async () => {
  const { env, fire, count } = timers();
  const signals = new LogSignals(env);
  const timed = signals.wait("a", 1_000);
  fire();
  expect(await isEnded(timed)).toBe(true);
  const stop = new AbortController();
  const aborted = signals.wait("a", 1_000, stop.signal);
  stop.abort();
  expect(await isEnded(aborted)).toBe(true);
  expect(await isEnded(signals.wait("a", 1_000, stop.signal))).toBe(true);
  const closed = signals.wait("a", 1_000);
  signals.close();
  expect(await isEnded(closed)).toBe(true);
  expect(await isEnded(signals.wait("a", 1_000))).toBe(true);
  expect([count(), signals.isClosed]).toEqual([0, true]);
});

test("LogSignals: a wait of any length has a timer that no runtime runs at once", async () => {
  const delays: number[] = [];
  const signals = new LogSignals({
    setTimer: (_, delayMs) => {
      delays.push(delayMs);
      return () => {};
    },
  });
  const wait = signals.wait("a", Infinity);
  expect(delays).toEqual([2 ** 31 - 1]);
  signals.close();
  await wait;
});
