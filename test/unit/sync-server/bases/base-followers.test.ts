// When a log needs its next base, and when an older one goes.
import { expect, test } from "vitest";
import { planBase } from "../../../../src/sync-server/bases/base-followers.ts";
import type { Follower } from "../../../../src/sync-server/stores/model-store.ts";

const DAY = 24 * 60 * 60_000;
const NOW = 1_700_000_000_000;

function base(name: string, position: number, madeAt: number): Follower {
  const text = JSON.stringify({ tables: [], pages: [], madeAt });
  return { name, revision: 1, at: { position, mark: "m" }, wake: null, text };
}

function plan(followers: readonly Follower[], position: number) {
  const facts = { fingerprint: "own", everyEvents: 100, bytesMax: 1_000, release: 1, now: NOW };
  const { newest, isDue, over, overAt } = planBase(followers, { position, mark: "h" }, facts);
  return { newest: newest?.at.position ?? 0, isDue, over: over.map(({ name }) => name), overAt };
}

test("planBase: the first base is due after everyEvents, and the next one after as many again", () => {
  expect(plan([], 99).isDue).toBe(false);
  expect(plan([], 100).isDue).toBe(true);
  const own = base("base/own/100", 100, NOW);
  expect(plan([own], 199)).toEqual({ newest: 100, isDue: false, over: [], overAt: Infinity });
  expect(plan([own], 200).isDue).toBe(true);
});

test("planBase: a base that is a day old is replaced if the log has new events", () => {
  const own = base("base/own/100", 100, NOW - DAY);
  expect(plan([own], 101).isDue).toBe(true);
  expect(plan([own], 100).isDue).toBe(false);
});

test("planBase: a replaced base goes after ten minutes, one of another release after a day", () => {
  const next = base("base/own/200", 200, NOW - 5 * 60_000);
  const replaced = base("base/own/100", 100, NOW - DAY);
  const older = base("base/other/100", 100, NOW - DAY + 1);
  expect(plan([next, replaced, older], 200)).toMatchObject({ over: [], overAt: NOW + 1 });
  const made = base("base/own/200", 200, NOW - 10 * 60_000);
  expect(plan([made, replaced, older], 200).over).toEqual(["base/own/100"]);
  expect(plan([made, base("base/other/100", 100, NOW - DAY)], 200).over).toEqual(["base/other/100"]);
  expect(plan([base("base/other/100", 100, NOW - 2 * DAY)], 50).over).toEqual([]);
});

test("planBase: the pages of a base that was never finished go after an hour", () => {
  const begun = (ms: number): Follower => ({ ...base("base/own/next", 1, 0), at: null, text: String(NOW - ms) });
  expect(plan([begun(59 * 60_000)], 1).over).toEqual([]);
  expect(plan([begun(60 * 60_000)], 1).over).toEqual(["base/own/next"]);
});
