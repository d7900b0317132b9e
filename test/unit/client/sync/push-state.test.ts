// Pushes that fail: how long they wait, and how the search for a stuck commit proceeds.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BACKOFF_MS } from "../../../../src/client/sync/backoff.ts";
import {
  initialPushState,
  POSTPONED_MS,
  PUSH_COMMITS_MAX,
  pushAnswered,
  pushDelayed,
  pushFailed,
  type PushState,
  STUCK_FAILURES,
  type StuckPush,
} from "../../../../src/client/sync/push-state.ts";

const error = { code: "unreachable" as const, message: "", fix: "", retry: "later" as const, details: {} };
const other = { ...error, message: "another" };
/** The longest waits, so that their growth is visible. */
const at = { now: 7_000, elapsed: 1_000_000, chance: 1 };
const stuck = (id: string, notBefore = 0): StuckPush => ({ id, since: 1, failures: 4, notBefore, error });
const fail = (push: PushState, sent: readonly string[], more: { retryAfterMs?: number; isSuspicious?: boolean } = {}) =>
  pushFailed(push, { sent, error: other, retryAfterMs: null, isSuspicious: true, ...more }, at);
const waitOf = ({ notBefore }: { readonly notBefore: number }) => notBefore - at.elapsed;
/** Fails this often with the same commits. */
function failures(count: number, sent: readonly string[], isSuspicious = true): PushState {
  let push = initialPushState;
  for (let n = 0; n < count; n++) push = fail(push, sent, { isSuspicious });
  return push;
}

describe("pushDelayed: a full disk or an account without the right", () => {
  test("pushDelayed: waits longer each time, keeps a longer wait, and finds no commit", () => {
    const once = pushDelayed(initialPushState, other, at);
    const twice = pushDelayed(once, other, at);
    expect(once).toEqual({ ...initialPushState, error: other, failures: 1, notBefore: at.elapsed + BACKOFF_MS.first });
    expect(twice).toMatchObject({ failures: 2, stuck: [], max: PUSH_COMMITS_MAX, suspicions: 0 });
    expect(waitOf(twice)).toBe(BACKOFF_MS.first * 2);
    const patient = { ...initialPushState, notBefore: at.elapsed + 90_000 };
    expect(waitOf(pushDelayed(patient, other, at))).toBe(90_000);
  });

  test("pushDelayed: stuck commits wait at least as long", () => {
    const before = { ...initialPushState, stuck: [stuck("a"), stuck("b", at.elapsed + 90_000)] };
    expect(pushDelayed(before, other, at).stuck.map(waitOf)).toEqual([BACKOFF_MS.first, 90_000]);
  });
});

describe("pushFailed: the search for the commit that does not get through", () => {
  test("pushFailed: one failure halves nothing, the second one halves the push", () => {
    const five = ["a", "b", "c", "d", "e"];
    expect(failures(1, five)).toMatchObject({ max: PUSH_COMMITS_MAX, failures: 1, suspicions: 1, error: other });
    expect(failures(2, five)).toMatchObject({ max: 2, failures: 2, suspicions: 2, stuck: [] });
    expect(failures(9, five).suspicions).toBe(2);
    expect(failures(2, ["a"]).max).toBe(1);
  });

  test("pushFailed: waits stay short while several commits are suspected, and grow otherwise", () => {
    const waits = (sent: readonly string[], isSuspicious: boolean) =>
      [1, 2, 3, 4, 5].map((count) => waitOf(failures(count, sent, isSuspicious)) / BACKOFF_MS.first);
    expect(waits(["a", "b"], true)).toEqual([1, 2, 4, 4, 4]);
    expect(waits(["a", "b"], false)).toEqual([1, 2, 4, 8, 16]);
    expect(waits(["a"], false)).toEqual([1, 2, 4, 8, 16]);
  });

  test("pushFailed: a commit alone is stuck at the third suspicion, and then delays no other", () => {
    expect(failures(STUCK_FAILURES - 1, ["a"]).stuck).toEqual([]);
    const found = failures(STUCK_FAILURES, ["a"]);
    const [one] = found.stuck;
    expect(found).toMatchObject({ failures: 0, error: null, suspicions: 0, notBefore: at.elapsed });
    expect(one).toMatchObject({ id: "a", since: at.now, failures: STUCK_FAILURES + 1, error: other });
    expect(one && waitOf(one)).toBe(BACKOFF_MS.first * 2 ** STUCK_FAILURES);
    expect(failures(STUCK_FAILURES, ["a", "b"]).stuck).toEqual([]);
    expect(failures(STUCK_FAILURES, ["a"], false).stuck).toEqual([]);
  });

  test("pushFailed: a stuck commit that fails again goes to the end, and keeps its first time", () => {
    const before: PushState = { ...initialPushState, failures: 1, error, stuck: [stuck("a"), stuck("b")] };
    const again = fail(before, ["a"]);
    expect(again.stuck.map(({ id, failures: count, since }) => [id, count, since])).toEqual([
      ["b", 4, 1],
      ["a", 5, 1],
    ]);
    expect(again.stuck.map(waitOf)).toEqual([0, BACKOFF_MS.first * 16]);
    expect(again).toMatchObject({ failures: 1, error, notBefore: at.elapsed });
    expect(fail({ ...before, notBefore: at.elapsed + 5 }, ["a"]).notBefore).toBe(at.elapsed + 5);
  });

  test("pushFailed: every commit waits at least as long as the server requested", () => {
    const wish = { retryAfterMs: 90_000 };
    const before = { ...initialPushState, stuck: [stuck("a"), stuck("b")] };
    const found = fail({ ...failures(STUCK_FAILURES - 1, ["c"]), stuck: [stuck("a")] }, ["c"], wish);
    expect(found.stuck.map(({ id }) => id)).toEqual(["a", "c"]);
    for (const push of [fail(before, ["a"], wish), fail(before, ["x"], wish), fail(before, ["x", "y"], wish), found]) {
      const waits = [push, ...push.stuck].map(waitOf);
      expect([Math.min(...waits), Math.max(...waits)]).toEqual([90_000, 90_000 * 1.25]);
    }
    const patient = fail({ ...before, stuck: [stuck("a", at.elapsed + 100_000)] }, ["x"], wish);
    expect(patient.stuck.map(waitOf)).toEqual([100_000]);
  });

  test("pushFailed: an empty push finds no commit", () => {
    expect(failures(9, []).stuck).toEqual([]);
  });

  test("pushFailed, pushAnswered: a poisoned commit is found, and all others get through", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat({ max: 39 }), (count, place) => {
        const poisoned = `${place % count}`;
        let waiting = Array.from({ length: count }, (_, n) => `${n}`);
        let push = initialPushState;
        for (let calls = 0; calls < 60 && push.stuck.length === 0; calls++) {
          const sent = waiting.slice(0, push.max);
          if (sent.includes(poisoned)) push = fail(push, sent);
          else {
            push = pushAnswered(push, { sent, stopped: null }, at);
            waiting = waiting.slice(sent.length);
          }
        }
        expect(push.stuck.map(({ id }) => id)).toEqual([poisoned]);
        expect(waiting[0]).toBe(poisoned);
      }),
    );
  });
});

describe("pushAnswered", () => {
  test("pushAnswered: the size doubles up to the largest push, and the search is kept until then", () => {
    const small: PushState = { ...initialPushState, max: 2, suspicions: 2, failures: 3, error, notBefore: 5 };
    const answered = pushAnswered(small, { sent: ["a"], stopped: null }, at);
    expect(answered).toEqual({ ...initialPushState, max: 4, suspicions: 1 });
    const none = pushAnswered({ ...small, suspicions: 0 }, { sent: ["a"], stopped: null }, at);
    expect(none.suspicions).toBe(0);
    const full = pushAnswered({ ...small, max: 250, suspicions: 1 }, { sent: ["a"], stopped: null }, at);
    expect(full).toEqual(initialPushState);
  });

  test("pushAnswered: ends what is stuck among the sent commits only", () => {
    const before = { ...initialPushState, stuck: [stuck("a"), stuck("b")] };
    expect(pushAnswered(before, { sent: ["a"], stopped: null }, at).stuck).toEqual([stuck("b")]);
  });

  test("pushAnswered: a commit that the server stops at again keeps its first time and counts on", () => {
    const x = { ...stuck("x"), since: 2, failures: 9 };
    const before = { ...initialPushState, stuck: [x, stuck("a")] };
    const answered = pushAnswered(before, { sent: ["a"], stopped: { id: "a", error: other } }, at);
    expect(answered.notBefore).toBe(0);
    expect(answered.stuck).toEqual([
      x,
      { id: "a", error: other, since: 1, failures: 5, notBefore: at.elapsed + POSTPONED_MS },
    ]);
    const first = pushAnswered(initialPushState, { sent: ["a"], stopped: { id: "a", error: other } }, at);
    expect(first.stuck).toMatchObject([{ since: at.now, failures: 1 }]);
  });
});
