/** The hybrid logical clock: times increase even if the device's clock stops or jumps. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clampTime, CLOCK_DRIFT_MS_MAX, CLOCK_STEP_MS, follow, tick } from "../../../../src/core/values/clock.ts";
import { parseCommit } from "../../../../src/core/wire/read-messages.ts";
import { author } from "../../../support/core/author.ts";

/** From the first second of 1970 to the year 2248, up to which a step is exact. */
const YEAR_2248 = 2 ** 43 - 1;
const moment = fc.double({ min: 0, max: YEAR_2248, noNaN: true });
const steps = fc.nat({ max: 5_000 }).map((count) => count * CLOCK_STEP_MS);
const last = fc.tuple(fc.integer({ min: 0, max: YEAR_2248 - 10 }), steps).map(([ms, step]) => ms + step);

describe("tick", () => {
  test("tick: returns a later time than the last one, even if the clock stops or jumps back", () => {
    fc.assert(fc.property(last, moment, (before, now) => tick(before, now) > before));
    fc.assert(
      fc.property(fc.array(moment, { minLength: 2 }), (clock) => {
        let at = 0;
        for (const now of clock) {
          const next = tick(at, now);
          expect(next).toBeGreaterThan(at);
          at = next;
        }
      }),
    );
  });

  test("tick: returns the clock's millisecond if it is later, otherwise one step of 1/1024 ms", () => {
    expect([tick(1_000, 2_000.7), tick(1_000, 1_000), tick(1_000, 500)]).toEqual([
      2_000,
      1_000 + CLOCK_STEP_MS,
      1_000 + CLOCK_STEP_MS,
    ]);
  });

  test("tick: a thousand commits in one millisecond stay within that millisecond", () => {
    let at = 0;
    for (let n = 0; n < 1_000; n++) at = tick(at, 1_700_000_000_000);
    expect(at).toBeLessThan(1_700_000_000_001);
    expect(new Date(at).getTime()).toBe(1_700_000_000_000);
  });

  test("tick: returns times that the wire accepts", () => {
    fc.assert(
      fc.property(last, moment, (before, now) => {
        const time = tick(before, now);
        const commit = {
          ...author(),
          time,
          commands: [{ stream: "task/t1", seen: 0, reads: [], name: "complete", v: 1, events: [] }],
        };
        const parsed = parseCommit(JSON.parse(JSON.stringify(commit)));
        expect(parsed.ok && parsed.value.time).toBe(time);
      }),
    );
  });
});

describe("follow", () => {
  test("follow: never goes back, and never more than a day ahead of the own clock", () => {
    fc.assert(
      fc.property(last, fc.double(), moment, (before, heard, now) => {
        const at = follow(before, heard, now);
        expect(at).toBeGreaterThanOrEqual(before);
        expect(at === before || at <= now + CLOCK_DRIFT_MS_MAX).toBe(true);
      }),
    );
  });

  test("follow: returns the later time of up to a day ahead, and ignores an earlier or a wrong one", () => {
    const now = 1_700_000_000_000;
    const ahead = now + CLOCK_DRIFT_MS_MAX;
    expect(follow(now, now + 5, now)).toBe(now + 5);
    expect(follow(now + 5, now, now)).toBe(now + 5);
    expect(follow(now, ahead, now)).toBe(ahead);
    expect(follow(now, ahead + 1, now)).toBe(now);
    expect(follow(now + 5, now + 5, now)).toBe(now + 5);
  });

  test("follow: accepts an honest time that is ahead, so that the next own time is later", () => {
    fc.assert(
      fc.property(last, moment, fc.double({ min: 0, max: CLOCK_DRIFT_MS_MAX, noNaN: true }), (before, now, ahead) => {
        fc.pre(now + ahead < YEAR_2248);
        expect(tick(follow(before, Math.floor(now) + Math.floor(ahead), now), now)).toBeGreaterThan(
          Math.floor(now) + Math.floor(ahead),
        );
      }),
    );
  });
});

describe("clampTime", () => {
  test("clampTime: keeps a time of up to a day ahead, and lowers and marks a later one", () => {
    const now = 1_700_000_000_000;
    expect(clampTime(now + CLOCK_DRIFT_MS_MAX, now)).toEqual({ time: now + CLOCK_DRIFT_MS_MAX, clamped: false });
    expect(clampTime(now + CLOCK_DRIFT_MS_MAX + 1, now)).toEqual({ time: now + CLOCK_DRIFT_MS_MAX, clamped: true });
    expect(clampTime(-62_135_596_800_000, now)).toEqual({ time: -62_135_596_800_000, clamped: false });
  });
});
