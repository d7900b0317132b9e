// The order in which the streams of a subscriber start, against a plain model that walks all of them.
import { expect, test } from "vitest";
import type { OpenEvent } from "../../../../src/sync-server/subscribers/lanes.ts";
import { StartOrder } from "../../../../src/sync-server/subscribers/start-order.ts";
import { seededRandom } from "../../../support/random.ts";

const eventAt = (position: number, stream: string, notBefore: number): OpenEvent => ({
  event: `e${position}`,
  type: "Done",
  stream,
  version: 1,
  position,
  failures: 0,
  notBefore,
  error: null,
  isParked: false,
});

test("start order: random heads, attempts and clocks start in the order of a plain walk", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seededRandom(seed);
    const order = new StartOrder<OpenEvent>();
    const heads = new Map<string, OpenEvent>();
    let now = 1_000;
    let position = 0;
    for (let step = 0; step < 300; step++) {
      // The clock goes back now and then.
      now += random.below(20) === 0 ? -random.below(30) : random.below(4);
      const stream = `s/${random.below(12)}`;
      if (random.below(3) === 0) {
        heads.delete(stream);
        order.set(stream, undefined);
      } else if (random.below(2) === 0) {
        const event = eventAt(++position, stream, random.below(2) === 0 ? 0 : now + random.below(20));
        heads.set(stream, event);
        order.set(stream, event);
      }
      const all = [...heads.values()];
      const ready = all.filter(({ notBefore }) => notBefore <= now).toSorted((a, b) => a.position - b.position);
      expect(order.next(now), `seed ${seed}, step ${step}`).toBe(ready[0] ?? null);
      const least = Math.min(...all.map(({ notBefore }) => notBefore));
      const at = order.nextAt();
      // A time that has come means now.
      expect(at <= now ? "now" : at, `seed ${seed}, step ${step}`).toBe(least <= now ? "now" : least);
    }
  }
});
