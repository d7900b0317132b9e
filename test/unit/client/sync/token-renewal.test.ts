import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TOKEN_LENGTH_MAX } from "../../../../src/core/history/limits.ts";
import { browserEnv } from "../../../../src/client/env/browser-env.ts";
import { TokenRenewal } from "../../../../src/client/sync/token-renewal.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** The times at which a token was sent, in milliseconds. */
function renewing(token: () => Promise<string | null> = () => Promise.resolve("new")) {
  const sent: number[] = [];
  const startedAt = Date.now();
  const renewal = new TokenRenewal(browserEnv, token, () => sent.push(Date.now() - startedAt));
  return { renewal, sent };
}

test("TokenRenewal: sends after half of the time that is left, until the token ends", async () => {
  const { renewal, sent } = renewing();
  renewal.schedule(8_000);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(sent.slice(0, 3)).toEqual([4_000, 6_000, 7_000]);
  expect(sent.every((at) => at < 8_200)).toBe(true);
  expect(sent.length).toBeLessThan(15);
});

test("TokenRenewal: a new end replaces the old one, and no end stops it", async () => {
  const { renewal, sent } = renewing();
  renewal.schedule(1_000);
  renewal.schedule(10_000);
  await vi.advanceTimersByTimeAsync(5_500);
  expect(sent).toEqual([5_000]);
  renewal.schedule(null);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toEqual([5_000]);
  for (const over of [0, -5]) {
    renewal.schedule(over);
    await vi.advanceTimersByTimeAsync(60_000);
  }
  expect(sent).toEqual([5_000]);
});

test("TokenRenewal: stop ends it", async () => {
  const { renewal, sent } = renewing();
  renewal.schedule(10_000);
  renewal.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sent).toEqual([]);
});

test("TokenRenewal: waits at least 100 ms, and at most a day because timers end there", async () => {
  const day = 86_400_000;
  const short = renewing();
  short.renewal.schedule(20);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(short.sent).toEqual([100]);
  const long = renewing();
  long.renewal.schedule(100 * day);
  await vi.advanceTimersByTimeAsync(2 * day);
  expect(long.sent).toEqual([day, 2 * day]);
});

test.each([
  ["has no token", () => Promise.resolve(null)],
  ["fails", () => Promise.reject(new Error("signed out"))],
  ["returns a text that is too long", () => Promise.resolve("x".repeat(TOKEN_LENGTH_MAX + 1))],
])("TokenRenewal: tries again if the app %s", async (_, broken) => {
  let turns = 0;
  const { renewal, sent } = renewing(() => (turns++ === 0 ? broken() : Promise.resolve("x".repeat(TOKEN_LENGTH_MAX))));
  renewal.schedule(8_000);
  await vi.advanceTimersByTimeAsync(6_500);
  expect(sent).toEqual([6_000]);
});
