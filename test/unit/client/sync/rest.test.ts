import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { Rest } from "../../../../src/client/sync/rest.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A rest and whether it ended. */
function resting(until: (now: number) => number | null) {
  const rest = new Rest(browserEnv);
  expect(rest.isOn).toBe(false);
  const end = until(browserEnv.elapsed());
  let isOver = false;
  void rest.wait(end).then(() => (isOver = true));
  expect([rest.isOn, rest.until]).toEqual([true, end]);
  return { rest, isOver: () => isOver };
}

test("Rest: ends at its time, and at once if the time has passed", async () => {
  const { rest, isOver } = resting((now) => now + 5_000);
  await vi.advanceTimersByTimeAsync(4_900);
  expect([rest.isOn, isOver()]).toEqual([true, false]);
  await vi.advanceTimersByTimeAsync(200);
  expect([rest.isOn, isOver()]).toEqual([false, true]);
  const past = resting((now) => now - 5_000);
  await vi.advanceTimersByTimeAsync(1);
  expect(past.isOver()).toBe(true);
});

test("Rest: without a time it lasts until it is ended, and leaves no timer", async () => {
  const { rest, isOver } = resting(() => null);
  await vi.advanceTimersByTimeAsync(10_000_000);
  expect(isOver()).toBe(false);
  rest.end();
  await vi.advanceTimersByTimeAsync(0);
  expect([rest.isOn, isOver()]).toEqual([false, true]);
  const timed = resting((now) => now + 5_000);
  timed.rest.end();
  await vi.advanceTimersByTimeAsync(0);
  expect([timed.isOver(), vi.getTimerCount()]).toEqual([true, 0]);
});
