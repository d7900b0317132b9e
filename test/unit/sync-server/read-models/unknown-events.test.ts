// The waits of followers before events of a newer release.
import { expect, test } from "vitest";
import { UnknownEvents } from "../../../../src/sync-server/read-models/unknown-events.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test("unknown events: a follower waits a minute for the first one, and then for none", () => {
  const unknown = new UnknownEvents();
  expect(unknown.hasWaited("board counts", 5, 0)).toBe(false);
  expect(unknown.hasWaited("board counts", 5, MINUTE - 1)).toBe(false);
  expect(unknown.hasWaited("board counts", 5, MINUTE)).toBe(true);
  expect(unknown.hasWaited("board counts", 9, MINUTE)).toBe(true);
  expect(unknown.hasWaited("board counts", 12, MINUTE + 1)).toBe(true);
  expect(unknown.hasWaited("other counts", 5, MINUTE)).toBe(false);
});

test("unknown events: after another node folded one, the next one gets a whole minute", () => {
  const unknown = new UnknownEvents();
  expect(unknown.hasWaited("board counts", 5, 0)).toBe(false);
  expect(unknown.hasWaited("board counts", 70, 10 * MINUTE)).toBe(false);
  expect(unknown.hasWaited("board counts", 70, 11 * MINUTE - 1)).toBe(false);
  expect(unknown.hasWaited("board counts", 70, 11 * MINUTE)).toBe(true);
});

test("unknown events: waits that nobody continued for an hour are forgotten", () => {
  const unknown = new UnknownEvents();
  for (let n = 0; n < 1_000; n++) unknown.hasWaited(`log${n} counts`, 1, n);
  unknown.hasWaited("log0 counts", 1, HOUR);
  expect(unknown.size).toBe(1_000);
  unknown.hasWaited("log0 counts", 1, HOUR + 1_000);
  expect(unknown.size).toBe(1);
});

test("unknown events: a log that is read less than once an hour does not wait for ever", () => {
  const unknown = new UnknownEvents();
  expect(unknown.hasWaited("board counts", 1, 0)).toBe(false);
  expect(unknown.hasWaited("board counts", 1, 2 * HOUR)).toBe(true);
});
