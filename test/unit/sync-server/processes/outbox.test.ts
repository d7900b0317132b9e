// The outbox of a process: the order of its commands, and the time at which the next one can be executed.
import { expect, test } from "vitest";
import {
  dueKey,
  newItem,
  type Outbox,
  pick,
  readDueKey,
  readyAt,
  withChange,
  withItem,
  withoutItem,
  withoutTimer,
  withoutTimers,
} from "../../../../src/sync-server/processes/outbox.ts";
import { seededRandom } from "../../../support/random.ts";

const item = (n: number, timer: string | null, due: number) =>
  newItem({ source: "event", causedBy: { id: "event", correlation: "commit" }, n, timer, due, commands: [] });
const numbers = (outbox: Outbox): number[] => outbox.map(({ n }) => n);

test("outbox: has the order of due times, and a later send never comes before an earlier one", () => {
  let outbox: Outbox = [];
  outbox = withItem(outbox, item(1, "late", 100));
  outbox = withItem(outbox, item(2, null, 50));
  outbox = withItem(outbox, item(3, null, 20));
  outbox = withItem(outbox, item(4, "soon", 10));
  expect(numbers(outbox)).toEqual([4, 2, 3, 1]);
  outbox = withItem(outbox, item(5, "soon", 70));
  expect(numbers(outbox)).toEqual([2, 3, 5, 1]);
  expect(numbers(withItem(outbox, item(3, null, 20)))).toEqual([2, 3, 5, 1]);
  expect(numbers(withoutTimer(outbox, "soon"))).toEqual([2, 3, 1]);
  expect(numbers(withoutTimers(outbox))).toEqual([2, 3]);
});

test("pick: a timer waits for its time and for the events that came before it", () => {
  const outbox = withItem([], item(1, "late", 100));
  expect([pick(outbox, 99, Infinity), pick(outbox, 100, 100)]).toEqual([null, null]);
  expect(pick(outbox, 100, 101)?.n).toBe(1);
  expect(pick(outbox, 100, Infinity)?.n).toBe(1);
  // A send does not wait for a timer that the clock has not reached, also after a jump back.
  expect(pick(withItem(outbox, item(2, null, 200)), 50, 0)?.n).toBe(2);
});

test("pick: while a command waits for its next attempt, or is parked, all others wait", () => {
  const outbox = withItem(withItem([], item(1, null, 1)), item(2, "late", 5));
  const [first] = outbox;
  if (!first) throw new Error("no item");
  const failed = withChange(outbox, { ...first, failures: 1, notBefore: 300 });
  expect([pick(failed, 299, Infinity), readyAt(failed)]).toEqual([null, 300]);
  expect(pick(failed, 300, Infinity)?.n).toBe(1);
  const parked = withChange(outbox, { ...first, isParked: true });
  expect([pick(parked, 1e9, Infinity), readyAt(parked), dueKey(parked, "p")]).toEqual([null, Infinity, null]);
});

test("readyAt: is the least time at which pick returns a command (random outboxes)", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 500; round++) {
    let outbox: Outbox = [];
    for (let n = 0; n < random.below(6); n++) {
      outbox = withItem(outbox, item(n, random.chance(0.6) ? `t${random.below(3)}` : null, random.below(50)));
      const [first] = outbox;
      if (first && random.chance(0.2)) outbox = withoutItem(outbox, first);
      if (first && random.chance(0.2))
        outbox = withChange(outbox, { ...first, failures: 1, notBefore: random.below(50) });
    }
    const at = readyAt(outbox);
    for (let now = 0; now < 50; now++) expect(pick(outbox, now, Infinity) !== null, `${now}`).toBe(now >= at);
    const key = dueKey(outbox, "order/o 1");
    if (key !== null) expect(readDueKey(key)).toEqual({ at, process: "order/o 1" });
  }
});
